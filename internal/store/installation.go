package store

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/redis/go-redis/v9"

	"bellwether/bot"
)

// KeepInstallation stores what a team said of itself, to be found by its Team and by its Group. What it says later replaces it.
func (s *Store) KeepInstallation(ctx context.Context, i bot.Installation) error {
	text, err := json.Marshal(i)
	if err != nil {
		return fmt.Errorf("keep the installation in team %s: %w", i.Team, err)
	}
	both := []any{s.key("installation", i.Team), text}
	if i.Group != "" {
		both = append(both, s.key("installation", i.Group), text)
	}
	return wrap(s.redis().MSet(ctx, both...).Err(), "keep the installation in team %s", i.Team)
}

// Installation in a team; bot.ErrNotFound when none is known.
func (s *Store) Installation(ctx context.Context, team string) (i bot.Installation, err error) {
	text, err := s.redis().Get(ctx, s.key("installation", team)).Bytes()
	switch {
	case errors.Is(err, redis.Nil):
		err = bot.ErrNotFound
	case err == nil:
		err = json.Unmarshal(text, &i)
	}
	if err != nil {
		return bot.Installation{}, fmt.Errorf("installation in team %s: %w", team, err)
	}
	return i, nil
}
