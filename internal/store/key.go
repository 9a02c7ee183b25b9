package store

import (
	"context"
	"crypto/rand"
	"fmt"
)

// SigningKey is the key that signs links, the same for every replica: 32 random bytes, made by whoever asks first.
func (s *Store) SigningKey(ctx context.Context) ([]byte, error) {
	fresh := make([]byte, 32)
	rand.Read(fresh) // never fails: see crypto/rand
	if err := s.redis().SetNX(ctx, s.key("signing-key"), fresh, 0).Err(); err != nil {
		return nil, fmt.Errorf("make the key that signs links: %w", err)
	}
	key, err := s.redis().Get(ctx, s.key("signing-key")).Bytes()
	if err != nil {
		return nil, fmt.Errorf("read the key that signs links: %w", err)
	}
	return key, nil
}
