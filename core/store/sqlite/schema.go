package sqlite

import (
	"crypto/rand"
	"errors"
	"fmt"

	sqlite3 "github.com/mattn/go-sqlite3"

	"github.com/libnim/libnim/core/store"
)

// applicationID marks a file as ours: "nimS".
const applicationID = 0x6e696d53

// migrations lead from one schema to the next; the number of those that ran is
// user_version. They run in one transaction. One that was released never changes.
var migrations = []func(c *conn, s *sealer) error{schema1}

// schema1: plain columns and one blob in every table. Whether a message is
// visible is in flags (1 asking, 2 gone).
const tables1 = `
CREATE TABLE meta(id INTEGER PRIMARY KEY, salt BLOB NOT NULL, proof BLOB NOT NULL);

CREATE TABLE conversation(
	id INTEGER PRIMARY KEY AUTOINCREMENT, name TEXT NOT NULL UNIQUE,
	min_seq INTEGER NOT NULL, max_seq INTEGER NOT NULL, read_seq INTEGER NOT NULL, told_seq INTEGER NOT NULL,
	peer_read INTEGER NOT NULL, zeroed INTEGER NOT NULL, receipt_time INTEGER NOT NULL, peer_receipt_time INTEGER NOT NULL,
	unread_server INTEGER NOT NULL, unread_hidden INTEGER NOT NULL, unread_extra INTEGER NOT NULL,
	flags INTEGER NOT NULL, last_row INTEGER NOT NULL, last_time INTEGER NOT NULL, body BLOB NOT NULL);

CREATE TABLE message(
	id INTEGER PRIMARY KEY AUTOINCREMENT, conversation INTEGER NOT NULL, sender TEXT NOT NULL, client_id TEXT NOT NULL,
	seq INTEGER NOT NULL, server_id INTEGER NOT NULL, time INTEGER NOT NULL, type INTEGER NOT NULL, sub_type INTEGER NOT NULL,
	status INTEGER NOT NULL, sub_status INTEGER NOT NULL, flags INTEGER NOT NULL, body BLOB NOT NULL);
CREATE UNIQUE INDEX message_key ON message(client_id, conversation, sender);
CREATE UNIQUE INDEX message_seq ON message(conversation, seq) WHERE seq > 0;
CREATE INDEX message_server_id ON message(server_id) WHERE server_id <> 0;
CREATE INDEX message_page ON message(conversation, time, seq);
CREATE INDEX message_time ON message(time, seq);
CREATE INDEX message_status ON message(status, conversation) WHERE status = 1 OR status = 4;
CREATE INDEX message_asking ON message(id) WHERE flags & 1 <> 0;

CREATE TABLE notice(
	id INTEGER PRIMARY KEY, seq INTEGER NOT NULL, time INTEGER NOT NULL, type INTEGER NOT NULL, status INTEGER NOT NULL,
	flags INTEGER NOT NULL, sender TEXT NOT NULL, client_id TEXT NOT NULL, body BLOB NOT NULL);
CREATE INDEX notice_time ON notice(time);

CREATE TABLE value(name TEXT PRIMARY KEY, body BLOB NOT NULL) WITHOUT ROWID;
`

// The index of a store without a key. Its row number is made of a message's
// time and row (indexRow), so that it can be read in the order of time. Tokens are
// made by terms.go; the column place has one that names the conversation.
const index1 = `CREATE VIRTUAL TABLE search USING fts5(place, body, content='', contentless_delete=1, tokenize='ascii');`

func schema1(c *conn, s *sealer) error {
	if err := c.script(tables1); err != nil {
		return err
	}
	if s.indexed() {
		return c.script(index1)
	}
	return nil
}

// proof is what the blob in meta holds: the right key opens it.
const proof = "libnim store"

// unlock returns the sealer of the file, after the migrations that it needs.
// A file with another key, or of a later version, is left as it is.
func unlock(c *conn, key string) (*sealer, error) {
	app, err := c.number("PRAGMA application_id")
	if err != nil {
		return nil, err
	}
	version, err := c.number("PRAGMA user_version")
	if err != nil {
		return nil, err
	}
	tables, err := c.number("SELECT count(*) FROM sqlite_schema")
	switch {
	case err != nil:
		return nil, err
	case app == 0 && version == 0 && tables == 0:
		return create(c, key)
	case app != applicationID || version < 1:
		return nil, fmt.Errorf("%w: it is another program's database", store.ErrDamaged)
	case version > int64(len(migrations)):
		return nil, fmt.Errorf("%w: schema %d, this one knows %d", store.ErrNewer, version, len(migrations))
	}
	s, err := prove(c, key)
	if err == nil && version < int64(len(migrations)) {
		err = migrate(c, s, int(version), nil)
	}
	if err == nil {
		err = complete(c, s)
	}
	return s, err
}

// complete says whether all tables and columns are there: the text of the schema
// may be damaged as well.
func complete(c *conn, s *sealer) error {
	reads := []string{selectConversations, selectMessages, selectNotices + "1", "SELECT name, body FROM value"}
	if s.indexed() {
		reads = append(reads, "SELECT rowid FROM search")
	}
	for _, sql := range reads {
		if _, err := c.number("SELECT count(*) FROM (" + sql + " LIMIT 0)"); err != nil {
			return inSchema(err)
		}
	}
	return nil
}

// inSchema makes damage of an error that only a damaged schema gives to a
// statement that is known to be right.
func inSchema(err error) error {
	if e, ok := errors.AsType[sqlite3.Error](err); ok && e.Code == sqlite3.ErrError {
		return fmt.Errorf("%w: %w", store.ErrDamaged, e)
	}
	return err
}

// create writes the tables into an empty file.
func create(c *conn, key string) (*sealer, error) {
	salt := make([]byte, saltSize)
	_, _ = rand.Read(salt) // never fails
	s, err := newSealer(key, salt)
	if err != nil {
		return nil, err
	}
	return s, migrate(c, s, 0, func() error {
		_, _, err := c.exec("INSERT INTO meta(id, salt, proof) VALUES(1, ?, ?)", salt, s.seal([]byte(proof), bind("meta")))
		return err
	})
}

func prove(c *conn, key string) (*sealer, error) {
	var salt, sealed []byte
	found, err := c.first("SELECT salt, proof FROM meta WHERE id = 1", nil, func(r row) (err error) {
		if salt, err = r.bytes(0); err == nil {
			sealed, err = r.bytes(1)
		}
		return err
	})
	if err != nil {
		return nil, inSchema(err)
	}
	if !found {
		return nil, fmt.Errorf("%w: it does not say its key's salt", store.ErrDamaged)
	}
	s, err := newSealer(key, salt)
	if err != nil {
		return nil, err
	}
	if content, err := s.open(sealed, bind("meta")); err != nil || string(content) != proof {
		return nil, store.ErrWrongKey
	}
	return s, nil
}

// migrate runs the migrations from one version on, and last, in one transaction.
func migrate(c *conn, s *sealer, from int, last func() error) (err error) {
	if err := c.script("BEGIN IMMEDIATE"); err != nil {
		return err
	}
	defer func() {
		if err != nil {
			_ = c.script("ROLLBACK")
		}
	}()
	for _, step := range migrations[from:] {
		if err := step(c, s); err != nil {
			return err
		}
	}
	if last != nil {
		if err := last(); err != nil {
			return err
		}
	}
	return c.script(fmt.Sprintf("PRAGMA application_id=%d; PRAGMA user_version=%d; COMMIT", applicationID, len(migrations)))
}
