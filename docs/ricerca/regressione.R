# Per chi è più probabile uno svantaggio complesso o conclamato? Un modello logistico sui rilasci di un progetto.
#
# Variabili d'ambiente: NONCELLO (l'indirizzo della piattaforma) e NONCELLO_CHIAVE (una chiave che legge i rilasci).

indirizzo <- sub("/$", "", Sys.getenv("NONCELLO"))
chiave <- c(Authorization = paste("Bearer", Sys.getenv("NONCELLO_CHIAVE")))

chiedi <- function(percorso) {
  file <- tempfile()
  download.file(paste0(indirizzo, percorso), file, headers = chiave, quiet = TRUE, mode = "wb")
  file
}

# I nomi dei rilasci, senza un pacchetto per il JSON.
elenco <- paste(readLines(chiedi("/api/v1/rilasci"), warn = FALSE), collapse = "")
rilasci <- regmatches(elenco, gregexpr('"id":"[^"]+"', elenco))[[1]]
rilasci <- sub('"id":"([^"]+)"', "\\1", rilasci)

leggi <- function(rilascio) {
  tabella <- read.csv(chiedi(paste0("/api/v1/rilasci/", rilascio, "/dati.csv")), colClasses = "character")
  tabella$rilascio <- rilascio
  tabella
}
dati <- do.call(rbind, lapply(rilasci, leggi))

dati$grave <- as.integer(dati$profilo %in% c("svantaggio_complesso", "svantaggio_conclamato"))
# Chi non ha un profilo valido non dice né sì né no.
dati <- dati[dati$profilo != "non_valido", ]
modello <- glm(grave ~ sesso + titolo_studio + condizione_lavorativa + rilascio, data = dati, family = binomial())

cat(sprintf("\n%d persone, %d con uno svantaggio complesso o conclamato\n\n", nrow(dati), sum(dati$grave)))
print(round(coef(summary(modello))[, 1:2], 4))
