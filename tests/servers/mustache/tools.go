//go:build tools

// Package mustache names the program to build, so that go mod tidy keeps what it needs.
package mustache

import _ "github.com/breml/logstash-config/cmd/mustache"
