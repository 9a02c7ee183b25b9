package app

import (
	"fmt"
	"os"
	"path/filepath"

	"bellwether/internal/checkout"
	"bellwether/internal/terraform"
)

// applier plans stacks from their repositories, which it reads with the credentials of the settings. Anybody may make
// folders where temporary ones are, so these are used only while they are our user's alone.
func (s *server) applier(redact func(string) string) *terraform.Applier {
	hosts := map[string]checkout.Host{}
	for name, h := range s.settings.Git {
		hosts[name] = checkout.Host{URL: h.URL, Username: h.Username, Token: h.Token.Reveal()}
	}
	folder := filepath.Join(os.TempDir(), fmt.Sprintf("bellwether-%d", os.Getuid()))
	return &terraform.Applier{
		Source: &checkout.Repositories{Hosts: hosts, Dir: filepath.Join(folder, "repositories"), Redact: redact},
		Dir:    filepath.Join(folder, "plans"), Log: s.log, Redact: redact, Pass: s.settings.Commands.Environment,
	}
}
