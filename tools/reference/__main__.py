"""`make reference`: write the generated tables of the documents again."""

from tools.reference.documents import FOLDER, GENERATED, with_generated_part

if __name__ == "__main__":
    for name in GENERATED:
        (FOLDER / name).write_text(with_generated_part(name), encoding="utf-8")
