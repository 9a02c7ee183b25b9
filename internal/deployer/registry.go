package deployer

import (
	"regexp"
	"strings"
)

// registryTrouble is what container runtimes, Docker's and containerd's, say when a registry cannot be asked, or does not let
// the node have anything. "not found", "manifest unknown" and "repository does not exist" are not in it: the registry was
// asked, and does not have the image.
var registryTrouble = regexp.MustCompile(`(?i)no such host|server misbehaving|i/o timeout|handshake timeout|deadline exceeded|request canceled|` +
	`connection (refused|reset)|network is unreachable|no route to host|tls: |x509: |too ?many ?requests|no basic auth|no space left|` +
	`\b(401 unauthorized|403 forbidden|429\b|50[0-4] [a-z])|(?-i:\bEOF\b)`)

// RegistryTrouble tells whether an image could not be pulled because of the registry, the network or the node: no other image
// would mend that.
func RegistryTrouble(said string) bool { return registryTrouble.MatchString(said) }

// Movable tells whether an image may be another one tomorrow under the same name: it has no digest.
func Movable(image string) bool { return !strings.Contains(image, "@") }
