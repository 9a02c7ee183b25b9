package peers

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"testing"
)

// NeedsTerraform leaves the test out where terraform is not installed, on CI too: no package of Debian's or npm's has it.
func NeedsTerraform(t testing.TB) {
	t.Helper()
	if _, err := exec.LookPath("terraform"); err != nil {
		t.Skip("left out the Terraform suite: there is no terraform")
	}
}

// TerraformMirror builds testdata/terraform-provider-bellwether into a filesystem mirror in dir. It returns the file for
// TF_CLI_CONFIG_FILE that has terraform take its providers from there, and from nowhere else.
func TerraformMirror(dir string) (settings string, err error) {
	program := filepath.Join(dir, "innerscale.example/test/bellwether/0.1.0", runtime.GOOS+"_"+runtime.GOARCH, "terraform-provider-bellwether_v0.1.0")
	source := filepath.Join(folder(), "..", "terraform-provider-bellwether")
	if output, err := exec.Command("go", "build", "-C", source, "-o", program, ".").CombinedOutput(); err != nil {
		return "", fmt.Errorf("build the provider: %w: %s", err, output)
	}
	settings = filepath.Join(dir, "terraformrc")
	text := fmt.Sprintf("provider_installation {\n  filesystem_mirror {\n    path = %q\n  }\n}\n", dir)
	return settings, os.WriteFile(settings, []byte(text), 0o600)
}
