// The newest checkers, beside Debian's: configurations are checked against both ends of the range.
module obskit.invalid/servers/newest

go 1.26.0

require (
	github.com/prometheus/alertmanager v0.34.0
	github.com/prometheus/prometheus v0.313.5
)
