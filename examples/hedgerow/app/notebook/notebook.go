// Package notebook keeps what the club has seen, in one file.
package notebook

import (
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"sort"
	"strings"
	"sync"
)

// Sighting is one line of the notebook.
type Sighting struct {
	Bird  string `json:"bird"`
	Place string `json:"place"`
	Count int    `json:"count"`
}

// Total is what the club has seen of one bird.
type Total struct {
	Bird   string
	Count  int
	Places int
}

// Notebook is the file and what it holds.
type Notebook struct {
	mutex     sync.Mutex
	file      string
	sightings []Sighting
}

// Open reads the notebook in a folder; a missing file is an empty notebook.
func Open(folder string) (*Notebook, error) {
	book := &Notebook{file: filepath.Join(folder, "sightings.json")}
	text, err := os.ReadFile(book.file)
	if errors.Is(err, fs.ErrNotExist) {
		return book, nil
	}
	if err != nil {
		return nil, err
	}
	return book, json.Unmarshal(text, &book.sightings)
}

// Write adds a line and saves the file.
func (book *Notebook) Write(one Sighting) error {
	book.mutex.Lock()
	defer book.mutex.Unlock()
	book.sightings = append(book.sightings, one)
	text, err := json.Marshal(book.sightings)
	if err != nil {
		return err
	}
	if err := os.WriteFile(book.file+".new", text, 0o600); err != nil {
		return err
	}
	return os.Rename(book.file+".new", book.file)
}

// Totals is what was seen of each bird, by its name.
func (book *Notebook) Totals() []Total {
	book.mutex.Lock()
	defer book.mutex.Unlock()
	seen := map[string]map[string]int{}
	for _, one := range book.sightings {
		if seen[one.Bird] == nil {
			seen[one.Bird] = map[string]int{}
		}
		seen[one.Bird][one.Place] = one.Count
	}
	totals := []Total{}
	for bird, places := range seen {
		total := Total{Bird: bird, Places: len(places)}
		for _, count := range places {
			total.Count += count
		}
		totals = append(totals, total)
	}
	sort.Slice(totals, func(i, j int) bool {
		return strings.ToLower(totals[i].Bird) < strings.ToLower(totals[j].Bird)
	})
	return totals
}

// Of is every line about one bird, the newest first.
func (book *Notebook) Of(bird string) []Sighting {
	book.mutex.Lock()
	defer book.mutex.Unlock()
	found := []Sighting{}
	for i := len(book.sightings) - 1; i >= 0; i-- {
		if book.sightings[i].Bird == bird {
			found = append(found, book.sightings[i])
		}
	}
	return found
}
