package main

import (
	"embed"
	"html/template"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"github.com/go-chi/chi/v5"

	"hedgerow/notebook"
)

//go:embed pages/*.html
var files embed.FS

var pages = template.Must(template.New("").Funcs(template.FuncMap{
	"address": func(bird string) string { return "/birds/" + url.PathEscape(bird) },
}).ParseFS(files, "pages/*.html"))

// site is the whole site, one short function a page.
func site(book *notebook.Notebook) http.Handler {
	router := chi.NewRouter()
	router.Get("/health", func(answer http.ResponseWriter, _ *http.Request) {
		_, _ = answer.Write([]byte("ok"))
	})
	router.Get("/", func(answer http.ResponseWriter, _ *http.Request) {
		list(answer, http.StatusOK, book, "")
	})
	router.Post("/sightings", func(answer http.ResponseWriter, request *http.Request) {
		line, problem := read(request)
		if problem != "" {
			list(answer, http.StatusUnprocessableEntity, book, problem)
			return
		}
		if err := book.Write(line); err != nil {
			http.Error(answer, "The notebook cannot be written.", http.StatusInternalServerError)
			return
		}
		http.Redirect(answer, request, "/", http.StatusSeeOther)
	})
	router.Get("/birds/{bird}", func(answer http.ResponseWriter, request *http.Request) {
		bird, err := url.PathUnescape(chi.URLParam(request, "bird"))
		lines := book.Of(bird)
		if err != nil || len(lines) == 0 {
			show(answer, http.StatusNotFound, "missing.html", nil)
			return
		}
		show(answer, http.StatusOK, "bird.html", map[string]any{"Bird": bird, "Lines": lines})
	})
	router.NotFound(func(answer http.ResponseWriter, _ *http.Request) {
		show(answer, http.StatusNotFound, "missing.html", nil)
	})
	return router
}

// read is the line that a form asks to write, or what is wrong with it.
func read(request *http.Request) (notebook.Sighting, string) {
	line := notebook.Sighting{
		Bird:  strings.TrimSpace(request.PostFormValue("bird")),
		Place: strings.TrimSpace(request.PostFormValue("place")),
	}
	count, err := strconv.Atoi(request.PostFormValue("count"))
	if line.Bird == "" || line.Place == "" || len(line.Bird) > 80 || len(line.Place) > 80 {
		return line, "Please name the bird and the place, with 80 letters at most."
	}
	if err != nil || count < 1 || count > 10000 {
		return line, "Please count between 1 and 10000 birds."
	}
	line.Count = count
	return line, ""
}

func list(answer http.ResponseWriter, status int, book *notebook.Notebook, problem string) {
	show(answer, status, "list.html", map[string]any{"Totals": book.Totals(), "Problem": problem})
}

func show(answer http.ResponseWriter, status int, page string, data any) {
	answer.Header().Set("Content-Type", "text/html; charset=utf-8")
	answer.WriteHeader(status)
	_ = pages.ExecuteTemplate(answer, page, data)
}
