"""Measures the redaction of running text on one core: texts per second by length and content."""

import random
import time

from privacy import redact

_SEED = 20210901
_TEXTS = 3_000
_WARM_UP = 300
_LONG_TEXT = 100_000

_PLAIN = (
    "J'ai contacté la brigade par internet et j'ai obtenu une réponse rapide, merci pour votre professionnalisme.",
    "Le site ne fonctionne pas depuis 3 jours, impossible de déposer ma pré-plainte en ligne.",
    "On m'a demandé de revenir plus tard alors que je venais pour une escroquerie à la carte bancaire le 12/03/2024.",
    "Les gendarmes au téléphone sont à l'écoute et expliquent bien les démarches à suivre.",
    "Très bon accueil, je recommande, le rendez-vous du 4 mai a été tenu à l'heure.",
    "Ne cliquez pas sur le SMS qui réclame 2,99 euros de frais de livraison, c'est une arnaque.",
    "Routes coupées autour de Saint-Jean-de-Maurienne, restez chez vous et suivez les consignes de la préfecture.",
    "Attente trop longue, personne ne décroche, et le formulaire perd ce que l'on a saisi.",
)
_PERSONAL = (
    "Rappelez-moi au 06 12 34 56 78 ou écrivez à jean.dupont@exemple.fr.",
    "Merci à Mme Le Goff et à l'adjudant Kowalski pour leur patience.",
    "J'habite 12 rue de la Paix, 75002 Paris, et je suis né le 12/03/1980.",
    "Le virement est parti vers FR76 3000 6000 0112 3456 7890 189.",
    "Son pseudo est dark_killer93 et sa voiture est immatriculée AB-123-CD.",
    "Je m'appelle Karim Benali et ma voisine Josiane a reçu le même appel.",
)


def generate(length: int, personal_share: float, draw: random.Random) -> list[str]:
    """Return texts of a length in characters, of sentences of which a share holds personal data."""
    texts = []
    for _ in range(_TEXTS):
        text = ""
        while len(text) < length:
            text += draw.choice(_PERSONAL if draw.random() < personal_share else _PLAIN) + " "
        texts.append(text[:length])
    return texts


def seconds(texts: list[str]) -> float:
    """Return the processor time that redacting the texts takes, once the words are known."""
    for text in texts[:_WARM_UP]:
        redact(text)
    start = time.process_time()
    for text in texts:
        redact(text)
    return time.process_time() - start


def main() -> None:
    draw = random.Random(_SEED)  # noqa: S311
    print(f"{'characters':>10} {'personal':>9} {'texts/s':>9}")
    for length in (110, 500):
        for share in (0.0, 0.05, 0.3):
            texts = generate(length, share, draw)
            print(f"{length:>10} {share:>9.0%} {len(texts) / seconds(texts):>9,.0f}")
    long_text = " ".join(draw.choice(_PLAIN + _PERSONAL) for _ in range(_LONG_TEXT // 80))[:_LONG_TEXT]
    print(f"one text of {len(long_text):,} characters: {seconds([long_text]):.2f} s")


if __name__ == "__main__":
    main()
