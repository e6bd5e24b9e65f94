//! What lies beside the table of a release, so that whoever opens it in ten years knows what it is: codebook, DDI-Codebook
//! 2.5, Frictionless datapackage, Croissant 1.0, DCAT-AP_IT as Turtle and JSON-LD, report of risk and loss, loaders, checksums. All of it is made from one
//! [`Dataset`], so that no two of them differ.

use arrow::array::RecordBatch;
use chrono::{DateTime, NaiveDate, Utc};
use minijinja::value::Serde;
use minijinja::{AutoEscape, Environment, context};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::Report;
use super::dictionary::{Column, heading};
use super::file::TABLE;

#[cfg(test)]
mod tests;

/// The table as text.
pub(super) const CSV: &str = "dati.csv";
/// Checksums of all other files.
pub(super) const SUMS: &str = "SHA256SUMS";

/// Under what terms a table is given, and by whom. Whoever runs the platform says so; the words shipped are Pordenone's.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Terms {
    /// The licence's name.
    pub licence_title: String,
    /// What it allows.
    pub licence: String,
    /// Who holds the rights.
    pub holder: String,
    /// The holder's code in the index of public administrations, like `c_g888`.
    pub holder_code: String,
    /// The last day on which the files may be used; `None` where none is agreed.
    #[serde(default)]
    pub expires_on: Option<NaiveDate>,
}

impl Default for Terms {
    fn default() -> Self {
        let word = |name| heading(name).to_owned();
        Self {
            licence_title: word("titolo_licenza"),
            licence: word("licenza"),
            holder: word("titolare"),
            holder_code: word("codice_titolare"),
            expires_on: None,
        }
    }
}

/// Everything that is told of a release, in Italian.
#[derive(Debug, Serialize)]
pub(super) struct Dataset<'a> {
    pub(super) id: &'a str,
    pub(super) title: String,
    pub(super) description: String,
    /// Who may be in it.
    pub(super) universe: String,
    /// The day after which its people were first assessed, where there is one.
    pub(super) entered_after: Option<NaiveDate>,
    pub(super) cutoff: NaiveDate,
    pub(super) created_at: DateTime<Utc>,
    pub(super) citation: String,
    pub(super) licence: &'a str,
    pub(super) licence_title: &'a str,
    pub(super) holder: &'a str,
    /// The holder's code in the index of public administrations.
    pub(super) holder_code: &'a str,
    pub(super) expires_on: Option<NaiveDate>,
    pub(super) rows: usize,
    pub(super) k: usize,
    pub(super) columns: &'a [Column],
    /// The files with data.
    pub(super) files: Vec<DataFile>,
    pub(super) report: &'a Report,
}

/// A file with the table.
#[derive(Debug, Serialize)]
pub(super) struct DataFile {
    pub(super) name: &'static str,
    pub(super) format: &'static str,
    pub(super) media_type: &'static str,
    /// The name of its format in the European list of file types.
    pub(super) european: &'static str,
    pub(super) bytes: usize,
    pub(super) sha256: String,
}

impl DataFile {
    pub(super) fn parquet(bytes: &[u8]) -> Self {
        Self::new(TABLE, "parquet", "application/vnd.apache.parquet", "PARQUET", bytes)
    }

    pub(super) fn csv(bytes: &[u8]) -> Self {
        Self::new(CSV, "csv", "text/csv", "CSV", bytes)
    }

    fn new(
        name: &'static str,
        format: &'static str,
        media_type: &'static str,
        european: &'static str,
        bytes: &[u8],
    ) -> Self {
        let sha256 = hex::encode(Sha256::digest(bytes));
        Self { name, format, media_type, european, bytes: bytes.len(), sha256 }
    }
}

impl<'a> Dataset<'a> {
    pub(super) fn new(
        report: &'a Report,
        instrument: &str,
        terms: &'a Terms,
        columns: &'a [Column],
        files: Vec<DataFile>,
    ) -> Self {
        let sha256 = files.iter().find(|file| file.name == TABLE).map_or("", |file| &file.sha256);
        let origin = &report.origin;
        let entered = if origin.entered_after.is_some() { "ingresso_tra" } else { "ingresso_fino" };
        let fill = |text: &str| {
            text.replace("{ingresso}", heading(entered))
                .replace("{dopo}", &origin.entered_after.map(|day| day.to_string()).unwrap_or_default())
                .replace("{entro}", &origin.entered_by.to_string())
                .replace("{strumento}", instrument)
                .replace("{limite}", &origin.cutoff.to_string())
                .replace("{id}", &report.id)
                .replace("{k}", &report.k.to_string())
                .replace("{sha256}", sha256)
        };
        Self {
            id: &report.id,
            title: fill(heading("titolo_rilascio")),
            description: fill(heading("descrizione_rilascio")),
            universe: fill(heading("universo_rilascio")),
            entered_after: origin.entered_after,
            cutoff: origin.cutoff,
            created_at: report.created_at,
            citation: fill(heading("citazione")),
            licence: &terms.licence,
            licence_title: &terms.licence_title,
            holder: &terms.holder,
            holder_code: &terms.holder_code,
            expires_on: terms.expires_on,
            rows: report.rows,
            k: report.k,
            columns,
            files,
            report,
        }
    }

    /// All files beside the table, by name.
    pub(super) fn files(&self) -> Vec<(&'static str, String)> {
        let pretty = |value: &Value| serde_json::to_string_pretty(value).expect("JSON of texts and numbers") + "\n";
        vec![
            ("citazione.txt", format!("{}\n", self.citation)),
            ("licenza.txt", self.render(include_str!("licenza.txt"), false)),
            ("codebook.html", self.render(include_str!("codebook.html"), true)),
            ("rapporto.html", self.render(include_str!("rapporto.html"), true)),
            ("ddi.xml", self.render(include_str!("ddi.xml"), true)),
            ("dcat-ap_it.ttl", self.render(include_str!("dcat-ap_it.ttl"), false)),
            ("dcat-ap_it.jsonld", pretty(&self.dcat())),
            ("datapackage.json", pretty(&self.datapackage())),
            ("croissant.json", pretty(&self.croissant())),
            ("carica.sql", self.render(include_str!("carica.sql"), false)),
            ("carica.py", self.render(include_str!("carica.py.txt"), false)),
            ("carica.R", self.render(include_str!("carica.R.txt"), false)),
            ("carica.do", self.render(include_str!("carica.do.txt"), false)),
        ]
    }

    /// A template, for markup or for a program.
    fn render(&self, template: &str, is_markup: bool) -> String {
        let mut environment = Environment::new();
        environment.set_auto_escape_callback(move |_| if is_markup { AutoEscape::Html } else { AutoEscape::None });
        // A text between double quotes, as Turtle, SQL's and the languages of statistics read it.
        environment.add_filter("quoted", |text: String| {
            let text = text.replace('\\', "\\\\").replace('"', "\\\"").replace(['\n', '\r'], " ");
            format!("\"{text}\"")
        });
        // Stata has no escapes: what would end a text is left out.
        environment.add_filter("stata", |text: String| format!("`\"{}\"'", text.replace(['"', '`', '\n'], "'")));
        environment.add_filter("stata_names", stata_names);
        // A part as one says it: 12,5 %.
        environment.add_filter("percent", |part: f64| format!("{:.1} %", part * 100.0).replace('.', ","));
        environment.add_filter("decimal", |number: f64| format!("{number:.3}").replace('.', ","));
        environment.add_template("stile.css", include_str!("stile.css")).expect("a test renders every template");
        let parts = context! { dataset => Serde(self), version => env!("CARGO_PKG_VERSION") };
        let text = environment.render_str(template, parts).expect("a test renders every template");
        format!("{}\n", text.trim_end())
    }

    /// Frictionless Data Package 1.
    fn datapackage(&self) -> Value {
        let field = |column: &Column| {
            let codes: Vec<&str> = column.codes.iter().map(|code| code.code.as_str()).collect();
            json!({
                "name": column.name, "title": column.meaning, "type": "string",
                "constraints": { "required": true, "enum": codes },
            })
        };
        let schema = json!({
            "fields": self.columns.iter().map(field).collect::<Vec<_>>(), "missingValues": [],
        });
        let resource = |file: &DataFile| {
            let mut resource = json!({
                "name": format!("dati-{}", file.format), "path": file.name, "format": file.format, "mediatype": file.media_type,
                "hash": format!("sha256:{}", file.sha256), "title": self.title, "schema": schema,
            });
            if file.name == CSV {
                // Of Parquet its reference implementation counts no bytes, and finds fault with any number.
                resource["bytes"] = file.bytes.into();
                resource["profile"] = "tabular-data-resource".into();
                resource["encoding"] = "utf-8".into();
            }
            resource
        };
        json!({
            "profile": "data-package",
            "name": self.id,
            "id": format!("urn:noncello:{}", self.id),
            "title": self.title,
            "description": self.description,
            "version": "1.0.0",
            "created": self.created_at.to_rfc3339(),
            "keywords": ["lavoro", "fragilità", "servizi sociali", "k-anonimato"],
            "licenses": [{ "path": "licenza.txt", "title": self.licence_title }],
            "contributors": [{ "title": self.holder, "role": "publisher" }],
            "resources": self.files.iter().map(resource).collect::<Vec<_>>(),
        })
    }

    /// Croissant 1.0 of MLCommons.
    fn croissant(&self) -> Value {
        let context = json!({
            "@language": "it", "@vocab": "https://schema.org/", "sc": "https://schema.org/",
            "cr": "http://mlcommons.org/croissant/", "rai": "http://mlcommons.org/croissant/RAI/", "dct": "http://purl.org/dc/terms/",
            "citeAs": "cr:citeAs", "column": "cr:column", "conformsTo": "dct:conformsTo",
            "data": { "@id": "cr:data", "@type": "@json" }, "dataType": { "@id": "cr:dataType", "@type": "@vocab" },
            "examples": { "@id": "cr:examples", "@type": "@json" }, "extract": "cr:extract", "field": "cr:field",
            "fileObject": "cr:fileObject", "fileProperty": "cr:fileProperty", "fileSet": "cr:fileSet", "format": "cr:format",
            "includes": "cr:includes", "isLiveDataset": "cr:isLiveDataset", "jsonPath": "cr:jsonPath", "key": "cr:key",
            "md5": "cr:md5", "parentField": "cr:parentField", "path": "cr:path", "recordSet": "cr:recordSet",
            "equivalentProperty": "cr:equivalentProperty", "samplingRate": "cr:samplingRate",
            "references": "cr:references", "regex": "cr:regex", "repeated": "cr:repeated", "replace": "cr:replace",
            "separator": "cr:separator", "source": "cr:source", "subField": "cr:subField", "transform": "cr:transform",
        });
        let distribution = |file: &DataFile| {
            json!({
                "@type": "cr:FileObject", "@id": file.name, "name": file.name, "contentUrl": file.name,
                "contentSize": format!("{} B", file.bytes), "encodingFormat": file.media_type, "sha256": file.sha256,
            })
        };
        let field = |column: &Column| {
            json!({
                "@type": "cr:Field", "@id": format!("persone/{}", column.name), "name": column.name,
                "description": column.meaning, "dataType": "sc:Text",
                "source": { "fileObject": { "@id": CSV }, "extract": { "column": column.name } },
            })
        };
        json!({
            "@context": context,
            "@type": "sc:Dataset",
            "conformsTo": "http://mlcommons.org/croissant/1.0",
            "name": self.id,
            "description": self.description,
            "license": self.licence,
            "url": format!("urn:noncello:{}", self.id),
            "citeAs": self.citation,
            "datePublished": self.created_at.date_naive().to_string(),
            "version": "1.0.0",
            "creator": { "@type": "sc:Organization", "name": self.holder },
            "distribution": self.files.iter().map(distribution).collect::<Vec<_>>(),
            "recordSet": [{
                "@type": "cr:RecordSet", "@id": "persone", "name": "persone", "description": heading("intro"),
                "field": self.columns.iter().map(field).collect::<Vec<_>>(),
            }],
        })
    }

    /// DCAT-AP_IT, as the Turtle beside it says it.
    fn dcat(&self) -> Value {
        let holder = json!({
            "@type": ["dcatapit:Agent", "foaf:Agent"], "@id": format!("#{}", self.holder_code),
            "foaf:name": { "@value": self.holder, "@language": "it" }, "dct:identifier": self.holder_code,
        });
        let distribution = |file: &DataFile| {
            json!({
                "@type": ["dcatapit:Distribution", "dcat:Distribution"], "@id": file.name,
                "dct:title": { "@value": file.name, "@language": "it" },
                "dct:format": { "@id": format!("http://publications.europa.eu/resource/authority/file-type/{}", file.european) },
                "dcat:accessURL": { "@id": file.name }, "dcat:byteSize": file.bytes,
                "dct:license": { "@id": "licenza.txt", "@type": ["dcatapit:LicenseDocument", "dct:LicenseDocument"],
                    "foaf:name": { "@value": self.licence_title, "@language": "it" } },
            })
        };
        json!({
            "@context": {
                "dcat": "http://www.w3.org/ns/dcat#", "dcatapit": "http://dati.gov.it/onto/dcatapit#",
                "dct": "http://purl.org/dc/terms/", "foaf": "http://xmlns.com/foaf/0.1/", "xsd": "http://www.w3.org/2001/XMLSchema#",
            },
            "@id": format!("urn:noncello:{}", self.id),
            "@type": ["dcatapit:Dataset", "dcat:Dataset"],
            "dct:identifier": self.id,
            "dct:title": { "@value": self.title, "@language": "it" },
            "dct:description": { "@value": self.description, "@language": "it" },
            "dct:modified": { "@value": self.created_at.date_naive().to_string(), "@type": "xsd:date" },
            "dct:issued": { "@value": self.created_at.date_naive().to_string(), "@type": "xsd:date" },
            "dcat:theme": { "@id": "http://publications.europa.eu/resource/authority/data-theme/SOCI" },
            "dct:accrualPeriodicity": { "@id": "http://publications.europa.eu/resource/authority/frequency/NEVER" },
            "dct:language": { "@id": "http://publications.europa.eu/resource/authority/language/ITA" },
            "dct:rightsHolder": holder,
            "dct:publisher": { "@id": format!("#{}", self.holder_code) },
            "dcat:distribution": self.files.iter().map(distribution).collect::<Vec<_>>(),
        })
    }
}

/// Names that Stata takes: 32 characters at most, each once; the others as they are.
fn stata_names(names: Vec<String>) -> Vec<String> {
    let mut given: Vec<String> = Vec::new();
    for name in names {
        let cut = |end: &str| name.chars().take(32 - end.len()).collect::<String>() + end;
        let ends = std::iter::once(String::new()).chain((2..).map(|number| format!("_{number}")));
        given.extend(ends.map(|end| cut(&end)).find(|name| !given.contains(name)));
    }
    given
}

/// The table as comma-separated text, all of it quoted.
pub(super) fn csv(table: &RecordBatch) -> Result<Vec<u8>, super::ReleaseError> {
    let names: Vec<&str> = table.schema_ref().fields().iter().map(|field| field.name().as_str()).collect();
    let columns = names.iter().map(|name| super::text(table, name)).collect::<Result<Vec<_>, _>>()?;
    let cell = |text: &str| format!("\"{}\"", text.replace('"', "\"\""));
    let mut lines = names.iter().map(|name| cell(name)).collect::<Vec<_>>().join(",") + "\r\n";
    for row in 0..table.num_rows() {
        let cells: Vec<String> = columns.iter().map(|column| cell(column.value(row))).collect();
        lines.push_str(&cells.join(","));
        lines.push_str("\r\n");
    }
    Ok(lines.into_bytes())
}

/// As `sha256sum` writes and checks them.
pub(super) fn sums<'a>(files: impl IntoIterator<Item = (&'a str, &'a [u8])>) -> String {
    let line = |(name, bytes)| format!("{}  {name}\n", hex::encode(Sha256::digest(bytes)));
    files.into_iter().map(line).collect()
}
