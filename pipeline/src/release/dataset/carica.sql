-- {{ dataset.citation }}
-- In DuckDB, nella cartella del rilascio: .read carica.sql
create or replace view dati as select * from read_parquet('dati.parquet');
create or replace view dizionario as select * from read_csv('dizionario.csv', delim = ';', header = true, all_varchar = true);
select count(*) as righe from dati;
