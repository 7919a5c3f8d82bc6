"""`python -m matinee.seed`: three films to look at."""

from matinee import store

FILMS = {"The General": 5, "Night Mail": 3, "Man with a Movie Camera": 1}


def main() -> None:
    with store.connect() as db:
        for title, voices in FILMS.items():
            film = store.suggest(db, title)
            for _ in range(voices - 1):
                store.add_voice(db, film)


if __name__ == "__main__":
    main()
