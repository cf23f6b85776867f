// The grammar of Logstash's configuration language, to check rendered pipelines where no Logstash runs.
module obskit.invalid/servers/mustache

go 1.21

require github.com/breml/logstash-config v0.5.3
