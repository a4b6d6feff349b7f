package store

import (
	"embed"
	"fmt"
	"strings"
)

// Each file of schema brings the tables from the version before it to its own.
// A file that was in a release is never changed again: write the next one.
//
//go:embed schema
var schema embed.FS

// schemaVersion is the newest.
const schemaVersion = 1

// migrations returns the statements from one version to the newest, with what
// the dialects write differently put in.
func migrations(from int, dialect *strings.Replacer) ([]string, error) {
	if from > schemaVersion {
		return nil, fmt.Errorf("its tables have version %d, and this nimd knows them up to %d: run the newer nimd", from, schemaVersion)
	}
	var out []string
	for v := from + 1; v <= schemaVersion; v++ {
		data, err := schema.ReadFile(fmt.Sprintf("schema/%d.sql", v))
		if err != nil {
			return nil, err
		}
		for statement := range strings.SplitSeq(withoutComments(string(data)), ";") {
			if statement = strings.TrimSpace(dialect.Replace(statement)); statement != "" {
				out = append(out, statement)
			}
		}
	}
	return out, nil
}

func withoutComments(sql string) string {
	var b strings.Builder
	for line := range strings.Lines(sql) {
		code, _, _ := strings.Cut(line, "--")
		b.WriteString(strings.TrimRight(code, " \n") + "\n")
	}
	return b.String()
}

const insertMeta = "INSERT INTO meta (one, version, epoch, counter, commits, system, timeline, pepper) " +
	"VALUES (1, $1, 1, 0, 0, '', '', $2)"
