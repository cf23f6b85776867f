# Standard error of a Go program: what the package log prints, and panics with their goroutines.
# The lines of one panic arrive as one event: Filebeat joins them.
begin
  panic_form = /\A(?:.*?: )?(panic|fatal error)(?: serving [^\n]*?)?: ([^\n]*)/
  lambda do |text, service, _engine|
    text = text[/\A(?:.*[^ \t-\r])?/m] # rstrip would take a NUL as well
    first = text.lines.first.to_s.chomp
    panic = panic_form.match(first)
    doc = {
      "timestamp" => Time.now.utc.strftime("%Y-%m-%dT%H:%M:%S.%LZ"), # log prints local time without a zone
      "level" => panic ? "ERROR" : "INFO", "service" => service, "trace_id" => nil,
      "message" => first.sub(%r{\A\d{4}/\d\d/\d\d \d\d:\d\d:\d\d(?:\.\d+)? }, "")
    }
    doc["error"] = { "type" => panic[1], "message" => panic[2], "stack" => text } if panic
    [doc, nil]
  end
end
