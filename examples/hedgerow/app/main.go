// Hedgerow is the notebook of a club that watches birds.
package main

import (
	"log"
	"net/http"
	"os"
	"time"

	"hedgerow/notebook"
)

func main() {
	book, err := notebook.Open(os.Getenv("HEDGEROW_DATA"))
	if err != nil {
		log.Fatal(err)
	}
	server := &http.Server{
		Addr:              "127.0.0.1:" + os.Getenv("PORT"),
		Handler:           site(book),
		ReadHeaderTimeout: 10 * time.Second,
	}
	log.Fatal(server.ListenAndServe())
}
