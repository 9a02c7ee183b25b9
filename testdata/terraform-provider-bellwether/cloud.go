package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/hashicorp/terraform-plugin-framework/diag"
)

// record is a thing that exists: a file of the cloud.
type record struct {
	Kind     string `json:"kind"`
	Name     string `json:"name"`
	Engine   string `json:"engine"`
	Size     int64  `json:"size"`
	password string
}

func file(name string) string { return filepath.Join(os.Getenv("CLOUD_FOLDER"), name) }

func (r record) file() string { return file(r.Kind + "-" + r.Name + ".json") }

func put(ctx context.Context, r record) error {
	if err := obey(ctx, r); err != nil {
		return err
	}
	data, err := json.Marshal(r)
	if err != nil {
		return err
	}
	return os.WriteFile(r.file(), data, 0o600)
}

func exists(r record) (bool, error) {
	if _, err := os.Stat(file(r.Name + ".lost")); err == nil {
		return false, fmt.Errorf("%s: cannot be read (password %s)", r.Name, r.password)
	}
	_, err := os.Stat(r.file())
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	return err == nil, err
}

// valid refuses a thing in the two ways of providers: with a title and details, and with one sentence.
func valid(r record, diags *diag.Diagnostics) {
	if _, err := os.Stat(file(r.Name + ".bad")); err == nil {
		diags.AddError("Invalid password", fmt.Sprintf("%s: %s is too short", r.Name, r.password))
		diags.AddError(fmt.Sprintf("expected length of password to be at least 20, got %s", r.password), "")
	}
}

func remove(ctx context.Context, r record) error {
	if err := obey(ctx, r); err != nil {
		return err
	}
	return os.Remove(r.file())
}

// obey misbehaves as the files beside the thing's own say.
func obey(ctx context.Context, r record) error {
	if reason, err := os.ReadFile(file(r.Name + ".fail")); err == nil {
		return fmt.Errorf("%s: %s (password %s)", r.Name, reason, r.password)
	}
	slow, waiting := file(r.Name+".slow"), file(r.Name+".waiting")
	defer func() { _ = os.Remove(waiting) }()
	for {
		if _, err := os.Stat(slow); err != nil {
			return nil
		}
		if err := os.WriteFile(waiting, nil, 0o600); err != nil {
			return err
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(20 * time.Millisecond):
		}
	}
}
