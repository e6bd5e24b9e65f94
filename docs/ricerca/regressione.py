"""Per chi è più probabile uno svantaggio complesso o conclamato? Un modello logistico sui rilasci di un progetto.

Variabili d'ambiente: NONCELLO (l'indirizzo della piattaforma) e NONCELLO_CHIAVE (una chiave che legge i rilasci).
"""

import io
import os

import pandas as pd
import requests
import statsmodels.formula.api as smf

INDIRIZZO = os.environ["NONCELLO"].rstrip("/")
CHIAVE = {"Authorization": f"Bearer {os.environ['NONCELLO_CHIAVE']}"}
GRAVI = ["svantaggio_complesso", "svantaggio_conclamato"]


def chiedi(percorso):
    risposta = requests.get(INDIRIZZO + percorso, headers=CHIAVE, timeout=60)
    risposta.raise_for_status()
    return risposta


rilasci = chiedi("/api/v1/rilasci").json()["releases"]
tabelle = []
for rilascio in rilasci:
    tabella = pd.read_parquet(io.BytesIO(chiedi(rilascio["href"]).content))
    tabelle.append(tabella.assign(rilascio=rilascio["id"]))
    print(rilascio["citation"])
dati = pd.concat(tabelle, ignore_index=True)

dati["grave"] = dati["profilo"].isin(GRAVI).astype(int)
# Chi non ha un profilo valido non dice né sì né no.
dati = dati[dati["profilo"] != "non_valido"]
modello = smf.logit(
    "grave ~ C(sesso) + C(titolo_studio) + C(condizione_lavorativa) + C(rilascio)",
    data=dati,
).fit(disp=False)

print(f"\n{len(dati)} persone, {dati['grave'].sum()} con uno svantaggio complesso o conclamato\n")
print(modello.params.to_frame("coefficiente").assign(errore=modello.bse).round(4).to_string())
