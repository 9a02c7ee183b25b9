package app

import (
	"fmt"
	"io"
	"log/slog"
)

// newLog writes JSON lines. Every text goes through redact, whatever it was logged by.
func newLog(w io.Writer, level slog.Level, redact func(string) string) *slog.Logger {
	return slog.New(slog.NewJSONHandler(w, &slog.HandlerOptions{
		Level: level,
		ReplaceAttr: func(_ []string, a slog.Attr) slog.Attr {
			switch v := a.Value.Any().(type) {
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
