package sqlite

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/rand"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"hash/crc32"

	"github.com/libnim/libnim/core/store"
)

// A sealer turns what a row holds beside its plain columns into one blob:
//
//	0, CRC-32C, content                        without a key
//	1, nonce, AES-256-GCM of the content       with one
//
// Both are bound to the row's table and key, so a blob that was moved to
// another row, or of which a bit has changed, does not open.
type sealer struct{ aead cipher.AEAD }

const (
	formatOpen   = 0
	formatSealed = 1
	openHeader   = 5 // format and checksum
	saltSize     = 16
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// newSealer makes one from the program's text; "" seals nothing.
func newSealer(key string, salt []byte) (*sealer, error) {
	if key == "" {
		return &sealer{}, nil
	}
	raw, err := hkdf.Key(sha256.New, []byte(key), salt, "libnim store", 32)
	if err != nil {
		return nil, err
	}
	block, err := aes.NewCipher(raw)
	if err != nil {
		return nil, err
	}
	aead, err := cipher.NewGCM(block)
	return &sealer{aead}, err
}

// indexed says whether the store has a search index: one on the disk would tell
// what sealed rows say.
func (s *sealer) indexed() bool { return s.aead == nil }

func (s *sealer) seal(content, bound []byte) []byte {
	if s.aead == nil {
		sum := crc32.Update(crc32.Checksum(bound, castagnoli), castagnoli, content)
		out := make([]byte, 0, openHeader+len(content))
		out = binary.BigEndian.AppendUint32(append(out, formatOpen), sum)
		return append(out, content...)
	}
	out := make([]byte, 1+s.aead.NonceSize(), 1+s.aead.NonceSize()+len(content)+s.aead.Overhead())
	out[0] = formatSealed
	nonce := out[1:]
	_, _ = rand.Read(nonce) // never fails
	return s.aead.Seal(out, nonce, content, bound)
}

// open gives back what was sealed; it may use the blob's own memory.
func (s *sealer) open(blob, bound []byte) ([]byte, error) {
	switch {
	case s.aead == nil && len(blob) >= openHeader && blob[0] == formatOpen:
		content := blob[openHeader:]
		if crc32.Update(crc32.Checksum(bound, castagnoli), castagnoli, content) == binary.BigEndian.Uint32(blob[1:]) {
			return content, nil
		}
	case s.aead != nil && len(blob) > s.aead.NonceSize() && blob[0] == formatSealed:
		nonce := blob[1 : 1+s.aead.NonceSize()]
		sealed := blob[1+len(nonce):]
		if content, err := s.aead.Open(sealed[:0], nonce, sealed, bound); err == nil {
			return content, nil
		}
	}
	return nil, fmt.Errorf("%w: a row is not what was written", store.ErrDamaged)
}

// bind names a row: its table, and what of its key never changes.
func bind(table string, key ...string) []byte {
	b := append([]byte{formatSealed}, table...)
	for _, k := range key {
		b = binary.AppendUvarint(b, uint64(len(k)))
		b = append(b, k...)
	}
	return b
}
