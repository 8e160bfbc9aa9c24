"""Measures the classification of texts from a CSV file: texts per second for feeling and themes."""

import argparse
import csv
import random
import resource
import tempfile
import time
from pathlib import Path

from analytics.text import words as reading
from cli import verbatim_files

_SEED = 20210901


def generate(texts: list[str], number: int, length: int) -> list[str]:
    """Return texts of a length in characters, all different, of the sentences of other texts."""
    draw = random.Random(_SEED)  # noqa: S311
    sentences = [sentence for text in texts for sentence in reading.sentences(reading.clean(text))]
    made = []
    for _ in range(number):
        text = ""
        while len(text) < length:
            text += draw.choice(sentences) + " "
        made.append(text[:length])
    return made


def processor_seconds() -> float:
    """Return what this process and those that it has awaited have used."""
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(usage.ru_utime + usage.ru_stime for usage in used)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--file", type=Path, required=True, help="labelled CSV file to learn from")
    parser.add_argument("--text", required=True, help="its column of texts")
    parser.add_argument("--label", required=True, help="its column of labels")
    parser.add_argument("--number", type=int, default=10_000)
    parser.add_argument("--length", type=int, default=600)
    asked = parser.parse_args()
    with verbatim_files.opened(asked.file) as table:
        place = table.column(asked.text, asked.file)
        texts = generate([row[place] for row in table.rows], asked.number, asked.length)
    with tempfile.TemporaryDirectory() as folder:
        model, file = Path(folder, "model"), Path(folder, "in.csv")
        verbatim_files.train(asked.file, asked.text, asked.label, model)
        with file.open("w", encoding="utf-8", newline="") as stream:
            csv.writer(stream).writerows([("text",), *((text,) for text in texts)])
        start, used = time.perf_counter(), processor_seconds()
        verbatim_files.classify(model, file, "text", Path(folder, "out.csv"))
        elapsed, used = time.perf_counter() - start, processor_seconds() - used
    print(f"{len(texts)} texts of {sum(map(len, texts)) / len(texts):.0f} characters")
    print(f"{len(texts) / elapsed:,.0f} texts/s elapsed, {1_000 * used / len(texts):.2f} ms of processor time each")


if __name__ == "__main__":
    main()
