package pipeline

// Values are what a catalog command's templates may name: {{.Image}}.
type Values struct {
	Service     string // the service or stack
	Environment string
	URL         string // of the environment
	Image       string
	Revision    string
	Version     string
}
