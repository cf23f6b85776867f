//go:build tools

// Package filebeat names the program to build, so that go mod tidy keeps what it needs.
package filebeat

import _ "github.com/elastic/beats/v7/filebeat"
