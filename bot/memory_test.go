package bot

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"sync"
	"time"

	"bellwether/pipeline"
)

// memory is an Outbox, Pictures and Records in a map. It keeps the promises of the real store that matter here: old and
// equal content changes nothing, new content is another try for what was parked.
type memory struct {
	mu       sync.Mutex
	letters  map[string]Letter
	wanted   []string // ids whose content changed, in order
	due      map[string]time.Time
	pictures map[string][]byte
	records  map[string]pipeline.Record
	fail     func(call string) error // nil, or what becomes of a call
}

func newMemory() *memory {
	return &memory{letters: map[string]Letter{}, due: map[string]time.Time{}, pictures: map[string][]byte{}, records: map[string]pipeline.Record{}}
}

func (m *memory) failing(call string) error {
	if m.fail == nil {
		return nil
	}
	return m.fail(call)
}

func (m *memory) Want(_ context.Context, o Outgoing, due time.Time) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if err := m.failing("want " + o.ID); err != nil {
		return err
	}
	old, known := m.letters[o.ID]
	if known && (o.Version <= old.Version || content(o) == content(old.Outgoing)) {
		return nil
	}
	old.Outgoing, old.Parked = o, ""
	m.letters[o.ID], m.due[o.ID] = old, due
	m.wanted = append(m.wanted, o.ID)
	return nil
}

func content(o Outgoing) string {
	o.Version = 0
	text, err := json.Marshal(o)
	if err != nil {
		panic(err)
	}
	return string(text)
}

func (m *memory) Open(_ context.Context, id string) (Letter, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if err := m.failing("open " + id); err != nil {
		return Letter{}, err
	}
	letter, ok := m.letters[id]
	if !ok {
		return Letter{}, fmt.Errorf("letter %s: %w", id, ErrNotFound)
	}
	return letter, nil
}

func (m *memory) Note(_ context.Context, _ Lease, id string, d Delivery) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if err := m.failing("note " + id); err != nil {
		return err
	}
	letter := m.letters[id]
	letter.Delivery = d
	m.letters[id] = letter
	return m.failing("noted " + id)
}

func (m *memory) Picture(_ context.Context, key string) ([]byte, error) {
	if err := m.failing("picture " + key); err != nil {
		return nil, err
	}
	png, ok := m.pictures[key]
	if !ok {
		return nil, fmt.Errorf("picture %s: %w", key, ErrNotFound)
	}
	return png, nil
}

func (m *memory) KeepPicture(_ context.Context, key string, png []byte) error {
	if err := m.failing("keep " + key); err != nil {
		return err
	}
	m.pictures[key] = png
	return nil
}

func (m *memory) Record(_ context.Context, id string) (pipeline.Record, error) {
	if err := m.failing("record " + id); err != nil {
		return pipeline.Record{}, err
	}
	record, ok := m.records[id]
	if !ok {
		return pipeline.Record{}, fmt.Errorf("record %s: %w", id, ErrNotFound)
	}
	return record, nil
}

// news are the ids whose content changed since the last call, sorted.
func (m *memory) news() []string {
	ids := slices.Sorted(slices.Values(m.wanted))
	m.wanted = nil
	return slices.Compact(ids)
}
