package main

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"hedgerow/notebook"
)

func visited(t *testing.T) func(method, path string, form url.Values) (int, string) {
	t.Helper()
	book, err := notebook.Open(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	handler := site(book)
	return func(method, path string, form url.Values) (int, string) {
		request := httptest.NewRequest(method, path, strings.NewReader(form.Encode()))
		request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		answer := httptest.NewRecorder()
		handler.ServeHTTP(answer, request)
		return answer.Code, answer.Body.String()
	}
}

func TestABirdThatWasSeenIsOnTheListAndHasAPage(t *testing.T) {
	visit := visited(t)
	form := url.Values{"bird": {"Wren & co"}, "place": {"Mill pond"}, "count": {"2"}}
	if status, _ := visit(http.MethodPost, "/sightings", form); status != http.StatusSeeOther {
		t.Fatalf("status %d", status)
	}
	if _, page := visit(http.MethodGet, "/", nil); !strings.Contains(page, "Wren &amp; co") {
		t.Fatal(page)
	}
	status, page := visit(http.MethodGet, "/birds/Wren%20&%20co", nil)
	if status != http.StatusOK || !strings.Contains(page, "Mill pond") {
		t.Fatal(status, page)
	}
}

func TestAWrongCountIsRefused(t *testing.T) {
	visit := visited(t)
	for _, count := range []string{"", "0", "-1", "many", "10001"} {
		form := url.Values{"bird": {"Wren"}, "place": {"Mill pond"}, "count": {count}}
		status, page := visit(http.MethodPost, "/sightings", form)
		if status != http.StatusUnprocessableEntity || !strings.Contains(page, "Please count") {
			t.Fatal(count, status, page)
		}
	}
}

func TestAPageThatIsNotThereSaysSo(t *testing.T) {
	if status, _ := visited(t)(http.MethodGet, "/birds/Dodo", nil); status != http.StatusNotFound {
		t.Fatalf("status %d", status)
	}
}
