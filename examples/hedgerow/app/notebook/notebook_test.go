package notebook

import "testing"

func opened(t *testing.T, lines ...Sighting) *Notebook {
	t.Helper()
	book, err := Open(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	for _, line := range lines {
		if err := book.Write(line); err != nil {
			t.Fatal(err)
		}
	}
	return book
}

func TestPlacesAddUp(t *testing.T) {
	book := opened(t, Sighting{"Wren", "Mill pond", 2}, Sighting{"Wren", "Old orchard", 3})
	if found := book.Totals(); len(found) != 1 || found[0] != (Total{"Wren", 5, 2}) {
		t.Fatalf("found %v", found)
	}
}

func TestBirdsAreInTheOrderOfTheirNames(t *testing.T) {
	book := opened(t, Sighting{"wren", "Mill pond", 2}, Sighting{"Blackcap", "Mill pond", 1})
	if found := book.Totals(); found[0].Bird != "Blackcap" || found[1].Bird != "wren" {
		t.Fatalf("found %v", found)
	}
}

func TestTheNewestLineComesFirst(t *testing.T) {
	book := opened(t, Sighting{"Wren", "Mill pond", 2}, Sighting{"Wren", "Old orchard", 3})
	if found := book.Of("Wren"); len(found) != 2 || found[0].Place != "Old orchard" {
		t.Fatalf("found %v", found)
	}
}

func TestWhatWasWrittenIsThereAfterARestart(t *testing.T) {
	folder := t.TempDir()
	first, err := Open(folder)
	if err != nil {
		t.Fatal(err)
	}
	if err := first.Write(Sighting{"Wren", "Mill pond", 2}); err != nil {
		t.Fatal(err)
	}
	again, err := Open(folder)
	if err != nil || len(again.Of("Wren")) != 1 {
		t.Fatalf("found %v, %v", again, err)
	}
}
