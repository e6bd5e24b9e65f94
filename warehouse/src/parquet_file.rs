//! An encrypted Parquet file, in the one shape that both the `parquet` crate and DuckDB read.
//!
//! One uniform key, encrypted footer, AES_GCM_V1 with 256 bits, **one data page of version 1 per column chunk** (DuckDB takes
//! more for tampering), row groups of 122,880 rows. Columns in which hardly a value comes twice have no dictionary and are compressed
//! with zstd, level 3; the others are numbers of a dictionary's entries already, and are compressed in large files alone: what a
//! small one saves is less than what preparing zstd costs, once for each column, each time it is read or written.

use std::io::Write;
use std::sync::Arc;

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;
use domain::keys::Secret;
use parquet::arrow::ArrowWriter;
use parquet::arrow::arrow_reader::{ArrowReaderOptions, ParquetRecordBatchReaderBuilder};
use parquet::basic::{Compression, ZstdLevel};
use parquet::encryption::decrypt::FileDecryptionProperties;
use parquet::encryption::encrypt::FileEncryptionProperties;
use parquet::errors::ParquetError;
use parquet::file::properties::{WriterProperties, WriterVersion};

use crate::schema::column;

/// Rows of a row group: DuckDB's own size; much smaller ones are ten times slower to read.
const ROW_GROUP: usize = 122_880;

/// Rows from which on every column is compressed.
const COMPRESSED_FROM: usize = 20_000;

/// Columns in which hardly a value comes twice.
const WITHOUT_DICTIONARY: [&str; 4] =
    [column::PSEUDONYM, column::ASSESSMENT_ID, column::VALIDATED_AT, column::STARTED_AT];

/// The bytes of a file with these rows.
pub(crate) fn write(rows: &RecordBatch, key: &Secret) -> Result<Vec<u8>, ParquetError> {
    let encryption = FileEncryptionProperties::builder(key.expose().to_vec()).build()?;
    let zstd = Compression::ZSTD(ZstdLevel::try_new(3)?);
    let others = if rows.num_rows() < COMPRESSED_FROM { Compression::UNCOMPRESSED } else { zstd };
    let mut properties = WriterProperties::builder()
        .set_writer_version(WriterVersion::PARQUET_1_0)
        .set_compression(others)
        .set_max_row_group_row_count(Some(ROW_GROUP))
        .set_data_page_row_count_limit(usize::MAX)
        .set_data_page_size_limit(1 << 30)
        .set_dictionary_page_size_limit(1 << 30)
        .with_file_encryption_properties(encryption);
    for name in WITHOUT_DICTIONARY {
        properties =
            properties.set_column_dictionary_enabled(name.into(), false).set_column_compression(name.into(), zstd);
    }
    let mut writer = ArrowWriter::try_new(Vec::new(), rows.schema(), Some(properties.build()))?;
    writer.write(rows)?;
    writer.into_inner()
}

/// A file in clear, for whoever takes rows out.
pub(crate) fn plain<W: Write + Send>(to: W, schema: SchemaRef) -> Result<ArrowWriter<W>, ParquetError> {
    let properties = WriterProperties::builder()
        .set_compression(Compression::ZSTD(ZstdLevel::try_new(3)?))
        .set_max_row_group_row_count(Some(ROW_GROUP))
        .build();
    ArrowWriter::try_new(to, schema, Some(properties))
}

/// The rows of a file, with its schema.
pub(crate) fn read(bytes: Vec<u8>, key: &Secret) -> Result<(SchemaRef, Vec<RecordBatch>), ParquetError> {
    let decryption = FileDecryptionProperties::builder(key.expose().to_vec()).build()?;
    let options = ArrowReaderOptions::new().with_file_decryption_properties(Arc::clone(&decryption));
    let builder = ParquetRecordBatchReaderBuilder::try_new_with_options(bytes::Bytes::from(bytes), options)?;
    let schema = Arc::clone(builder.schema());
    let batches = builder.with_batch_size(ROW_GROUP).build()?.collect::<Result<Vec<_>, _>>()?;
    Ok((schema, batches))
}
