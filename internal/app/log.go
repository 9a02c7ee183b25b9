package app

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"time"
)

// newLog writes JSON lines. Every text goes through redact, whatever it was logged by.
func newLog(w io.Writer, level slog.Level, redact func(string) string) *slog.Logger {
	return slog.New(slog.NewJSONHandler(w, &slog.HandlerOptions{
		Level: level,
		ReplaceAttr: func(_ []string, a slog.Attr) slog.Attr {
			switch v := a.Value.Any().(type) {
			case time.Time, time.Duration:
				return a
			case string:
				a.Value = slog.StringValue(redact(v))
			case error:
				a.Value = slog.StringValue(redact(v.Error()))
			case fmt.Stringer:
				a.Value = slog.StringValue(redact(v.String()))
			}
			return a
		},
	}))
}

// redisLog takes what go-redis would print.
type redisLog struct{ log *slog.Logger }

func (l redisLog) Printf(ctx context.Context, format string, args ...any) {
	l.log.WarnContext(ctx, "redis: "+fmt.Sprintf(format, args...))
}
