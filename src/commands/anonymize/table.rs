//! Tables and hierarchies as files: CSV and Parquet, told apart by their ending.
//!
//! What is read can be written back in the form it came in. CSV cells stay the text they are and are never null; Parquet
//! keeps its types. The surprising rule: what a Parquet file says about itself (pandas' notes, say) is not written back,
//! since nobody has looked at it for people.

use std::collections::BTreeSet;
use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anonymity::Hierarchy;
use anyhow::{Context, Result, bail, ensure};
use arrow::array::{ArrayRef, RecordBatch, StringBuilder};
use arrow::compute::concat_batches;
use arrow::datatypes::{DataType, Field, Schema};
use parquet::arrow::ArrowWriter;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use parquet::basic::{Compression, ZstdLevel};
use parquet::file::properties::WriterProperties;

/// The separators that are looked for when none is given.
const DELIMITERS: [u8; 3] = [b',', b';', b'\t'];

/// So many records decide which one it is.
const SNIFFED_RECORDS: usize = 100;

/// The form of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Form {
    Csv { delimiter: u8 },
    Parquet,
}

/// Whether a path ends as a Parquet file or a CSV file does.
pub(crate) fn is_parquet(path: &Path) -> Result<bool> {
    let ending = path.extension().unwrap_or_default().to_string_lossy().to_ascii_lowercase();
    match ending.as_str() {
        "parquet" => Ok(true),
        "csv" | "tsv" | "txt" => Ok(false),
        _ => {
            bail!("{}: neither CSV nor Parquet by its ending; .csv, .tsv, .txt and .parquet are known", path.display())
        }
    }
}

/// A separator as it is typed: one character, or the word `tab`.
pub(crate) fn delimiter(text: &str) -> Result<u8, String> {
    match text.as_bytes() {
        b"tab" | b"\\t" => Ok(b'\t'),
        [byte] if byte.is_ascii() && !matches!(byte, b'"' | b'\n' | b'\r') => Ok(*byte),
        _ => Err("one ASCII character is needed, or the word tab".into()),
    }
}

/// Reads a table, and says in which form it was.
pub(crate) fn read(path: &Path, delimiter: Option<u8>) -> Result<(RecordBatch, Form)> {
    let (batch, form) = if is_parquet(path)? {
        ensure!(delimiter.is_none(), "{}: a Parquet file has no delimiter; leave --delimiter out", path.display());
        (read_parquet(path)?, Form::Parquet)
    } else {
        let bytes = std::fs::read(path).with_context(|| format!("{} cannot be read", path.display()))?;
        let delimiter = delimiter.unwrap_or_else(|| sniff(&bytes));
        (read_csv(path, &bytes, delimiter)?, Form::Csv { delimiter })
    };
    let mut names = BTreeSet::new();
    for field in batch.schema().fields() {
        let is_new = names.insert(field.name().clone());
        ensure!(is_new, "{}: two columns are called {:?}; rename one", path.display(), field.name());
    }
    Ok((batch, form))
}

/// Reads a table of a form that is known, whatever its name.
pub(crate) fn read_as(path: &Path, form: Form) -> Result<RecordBatch> {
    match form {
        Form::Parquet => read_parquet(path),
        Form::Csv { delimiter } => {
            let bytes = std::fs::read(path).with_context(|| format!("{} cannot be read", path.display()))?;
            read_csv(path, &bytes, delimiter)
        }
    }
}

/// Writes a table to an open file.
pub(crate) fn write(batch: &RecordBatch, form: Form, file: &File) -> Result<()> {
    match form {
        Form::Csv { delimiter } => write_csv(batch, delimiter, file),
        Form::Parquet => write_parquet(batch, file),
    }
}

/// The separator under which the first records have the same number of cells, and most of them.
fn sniff(bytes: &[u8]) -> u8 {
    let cells = |delimiter: u8| -> (bool, usize) {
        let mut reader =
            csv::ReaderBuilder::new().delimiter(delimiter).has_headers(false).flexible(true).from_reader(bytes);
        let lengths: Vec<usize> =
            reader.byte_records().take(SNIFFED_RECORDS).map(|record| record.map_or(0, |record| record.len())).collect();
        let first = lengths.first().copied().unwrap_or(0);
        (first > 1 && lengths.iter().all(|&length| length == first), first)
    };
    // The first of equals: `max_by_key` would take the last.
    DELIMITERS.into_iter().rev().max_by_key(|&delimiter| cells(delimiter)).unwrap_or(b',')
}

fn read_csv(path: &Path, bytes: &[u8], delimiter: u8) -> Result<RecordBatch> {
    let name = path.display();
    let wrong = || format!("{name} is not a table separated by {:?}; --delimiter names another", char::from(delimiter));
    let mut reader = csv::ReaderBuilder::new().delimiter(delimiter).from_reader(bytes);
    let names: Vec<String> = reader.headers().with_context(wrong)?.iter().map(str::to_owned).collect();
    ensure!(!names.is_empty(), "{name}: the file is empty; its first line must name the columns");
    let mut columns: Vec<StringBuilder> = names.iter().map(|_| StringBuilder::new()).collect();
    let mut record = csv::StringRecord::new();
    while reader.read_record(&mut record).with_context(wrong)? {
        for (column, cell) in columns.iter_mut().zip(&record) {
            column.append_value(cell);
        }
    }
    let fields: Vec<Field> = names.into_iter().map(|name| Field::new(name, DataType::Utf8, false)).collect();
    let arrays = columns.iter_mut().map(|column| Arc::new(column.finish()) as ArrayRef).collect();
    RecordBatch::try_new(Arc::new(Schema::new(fields)), arrays).with_context(|| format!("{name} cannot be held"))
}

fn read_parquet(path: &Path) -> Result<RecordBatch> {
    let wrong = || format!("{} cannot be read as Parquet (uncompressed and zstd are understood)", path.display());
    let file = File::open(path).with_context(|| format!("{} cannot be read", path.display()))?;
    let builder = ParquetRecordBatchReaderBuilder::try_new(file).with_context(wrong)?;
    let schema = Arc::clone(builder.schema());
    let batches = builder.build().with_context(wrong)?.collect::<Result<Vec<_>, _>>().with_context(wrong)?;
    let schema = batches.first().map_or(schema, RecordBatch::schema);
    concat_batches(&schema, &batches).with_context(wrong)
}

fn write_csv(batch: &RecordBatch, delimiter: u8, file: &File) -> Result<()> {
    let mut writer = csv::WriterBuilder::new().delimiter(delimiter).from_writer(BufWriter::new(file));
    writer.write_record(batch.schema().fields().iter().map(|field| field.name()))?;
    let columns = (0..batch.num_columns()).map(|column| text(batch, column)).collect::<Result<Vec<_>>>()?;
    for row in 0..batch.num_rows() {
        for column in &columns {
            writer.write_field(column.value(row))?;
        }
        writer.write_record(None::<&[u8]>)?;
    }
    writer.flush()?;
    Ok(())
}

fn text(batch: &RecordBatch, column: usize) -> Result<arrow::array::StringArray> {
    let array = batch.column(column).as_any().downcast_ref::<arrow::array::StringArray>();
    Ok(array.context("a column that was read from CSV is text")?.clone())
}

fn write_parquet(batch: &RecordBatch, file: &File) -> Result<()> {
    let schema = Arc::new(Schema::new(batch.schema().fields().clone()));
    let batch = RecordBatch::try_new(Arc::clone(&schema), batch.columns().to_vec())?;
    let properties = WriterProperties::builder().set_compression(Compression::ZSTD(ZstdLevel::default())).build();
    let mut writer = ArrowWriter::try_new(file, schema, Some(properties))?;
    writer.write(&batch)?;
    writer.close()?;
    let mut file = file;
    file.flush()?;
    Ok(())
}

/// The hierarchy of a column: the one file `*hierarchy_<attribute>.csv` of the folder.
pub(crate) fn hierarchy(folder: &Path, attribute: &str) -> Result<Hierarchy> {
    let ending = format!("hierarchy_{attribute}.csv");
    let found = hierarchy_files(folder)?;
    let fitting: Vec<&PathBuf> = found.iter().filter(|path| file_name(path).ends_with(&ending)).collect();
    let path = match fitting.as_slice() {
        [path] => path,
        [] => bail!(
            "column {attribute:?} has no hierarchy: no file *{ending} in {}; there is {}",
            folder.display(),
            if found.is_empty() { "none at all".into() } else { names(&found) },
        ),
        _ => bail!(
            "column {attribute:?} has more than one hierarchy in {}: {}; leave one",
            folder.display(),
            names(fitting.into_iter()),
        ),
    };
    let text = std::fs::read_to_string(path).with_context(|| format!("{} cannot be read", path.display()))?;
    Hierarchy::from_text(&text, ';').with_context(|| {
        format!("{} is not a hierarchy (each line: value;broader;…;*, separated by \";\")", path.display())
    })
}

fn hierarchy_files(folder: &Path) -> Result<Vec<PathBuf>> {
    let wrong = || format!("the folder of hierarchies {} cannot be read", folder.display());
    let mut files = Vec::new();
    for entry in std::fs::read_dir(folder).with_context(wrong)? {
        let path = entry.with_context(wrong)?.path();
        let name = file_name(&path);
        if name.contains("hierarchy_") && name.ends_with(".csv") {
            files.push(path);
        }
    }
    files.sort();
    Ok(files)
}

fn file_name(path: &Path) -> String {
    path.file_name().unwrap_or_default().to_string_lossy().into_owned()
}

fn names<'a>(paths: impl IntoIterator<Item = &'a PathBuf>) -> String {
    paths.into_iter().map(|path| file_name(path)).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_separator_is_the_one_that_cuts_evenly() {
        for (text, expected) in [
            ("a,b\n1,2\n", b','),
            ("a;b\n1,5;2\n", b';'),
            ("a\tb\nx, y\tz\n", b'\t'),
            ("a;b\n\"x;y\";z\n", b';'),
            ("a,b;c\n1,2;3\n4,5;6\n", b','),
            ("alone\n1\n", b','),
            ("", b','),
        ] {
            assert_eq!(char::from(sniff(text.as_bytes())), char::from(expected), "{text:?}");
        }
    }
}
