// Reads what `go test -json` prints and writes a JUnit report. Ends with 1 if a test failed, or a
// package was not built.
package main

import (
	"bufio"
	"encoding/json"
	"encoding/xml"
	"fmt"
	"os"
)

type event struct{ Action, Package, Test, Output string }

type outcome struct {
	Message string `xml:"message,attr"`
}

type testcase struct {
	XMLName xml.Name `xml:"testcase"`
	Class   string   `xml:"classname,attr"`
	Name    string   `xml:"name,attr"`
	Failure *outcome `xml:"failure"`
	Skipped *outcome `xml:"skipped"`
}

func main() {
	cases, failed := []testcase{}, 0
	lines := bufio.NewScanner(os.Stdin)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		var one event
		if err := json.Unmarshal(lines.Bytes(), &one); err != nil {
			fmt.Println(lines.Text())
			continue
		}
		fmt.Print(one.Output)
		if one.Action == "fail" {
			failed = 1
		}
		if one.Test == "" {
			continue
		}
		switch one.Action {
		case "pass":
			cases = append(cases, testcase{Class: one.Package, Name: one.Test})
		case "fail":
			cases = append(cases, testcase{Class: one.Package, Name: one.Test, Failure: &outcome{"failed"}})
		case "skip":
			cases = append(cases, testcase{Class: one.Package, Name: one.Test, Skipped: &outcome{"skipped"}})
		}
	}
	text, err := xml.Marshal(struct {
		XMLName xml.Name `xml:"testsuite"`
		Cases   []testcase
	}{Cases: cases})
	if err == nil {
		err = os.WriteFile(os.Args[1], text, 0o600)
	}
	if err != nil {
		fmt.Println(err)
		failed = 1
	}
	os.Exit(failed)
}
