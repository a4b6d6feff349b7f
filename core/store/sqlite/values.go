package sqlite

import (
	"context"
	"database/sql/driver"
)

func bindValue(name string) []byte { return bind("value", name) }

func (v view) Value(name string) (value []byte, err error) {
	_, err = v.c.first("SELECT body FROM value WHERE name = ?", []driver.Value{name}, func(r row) error {
		value, err = v.readValue(r, 0, name)
		return err
	})
	return value, err
}

// readValue returns no nil: that would be a value that is not there.
func (v view) readValue(r row, column int, name string) ([]byte, error) {
	blob, err := r.bytes(column)
	if err != nil {
		return nil, err
	}
	value, err := v.sealer.open(blob, bindValue(name))
	if err == nil && value == nil {
		value = []byte{}
	}
	return value, err
}

// withPrefix compares bytes: LIKE would not tell letter case apart.
const withPrefix = "substr(name, 1, length(?1)) = ?1 AND name >= ?1"

func (v view) Values(prefix string) (map[string][]byte, error) {
	all := map[string][]byte{}
	err := v.c.each(context.Background(), "SELECT name, body FROM value WHERE "+withPrefix, []driver.Value{prefix}, func(r row) error {
		name, err := r.text(0)
		if err == nil {
			all[name], err = v.readValue(r, 1, name)
		}
		return err
	})
	return all, err
}

func (t *transaction) PutValue(name string, value []byte) (err error) {
	if value == nil {
		_, _, err = t.c.exec("DELETE FROM value WHERE name = ?", name)
	} else {
		_, _, err = t.c.exec("INSERT OR REPLACE INTO value(name, body) VALUES(?, ?)", name, t.sealer.seal(value, bindValue(name)))
	}
	return t.keep(err)
}

func (t *transaction) DeleteValues(prefix string) error {
	_, _, err := t.c.exec("DELETE FROM value WHERE "+withPrefix, prefix)
	return t.keep(err)
}
