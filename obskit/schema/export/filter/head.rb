# The engine. It knows no field by name but those that the design itself names: `level` with
# `severity_text`, `trace_id` with `span_id`, `host`, `environment`, `version` and `attributes`.
# Everything else is in the tables, which are generated.
#
# It is the same rule as that of the Filebeat script and of `obskit normalize` (docs/normalisation.md).
# One object serves all workers at once, so nothing changes in it after `initialize`. No apostrophe may
# stand in here, comments included: the text is an argument in apostrophes. No dollar sign before a brace either.

def initialize(fields, settings, limits, formats)
  @fields, @settings, @limits, @formats = fields, settings, limits, formats
  @fields.each do |field|
    field[:paths] = field[:names].map { |name| [name, name.split(".")] }
    field[:type] = field[:type].to_sym
  end
  # First key of every name: an event has some ten keys, the schema some two hundred names, and only names that
  # begin with a key of the event are looked for.
  @candidates = {}
  @fields.each_with_index do |field, index|
    field[:paths].each_with_index do |(name, path), place|
      [name, path[0]].uniq.each { |key| (@candidates[key] ||= []) << [index, place] }
    end
  end
  @date = /\A(\d{4})-(\d\d)-(\d\d)[Tt ](\d\d):(\d\d):(\d\d)(?:[.,](\d+))? ?(?:[Zz]|([+-])(\d\d)(?::?(\d\d))?)\z/
  @days = [0, 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31]
  @last_instant = 253_402_300_799_999 # the end of the year 9999, in milliseconds
  @exact = 2**53 - 1                  # whole numbers that a double holds
  # White space as Unicode has it; [[:space:]] lacks U+001C to U+001F.
  space = "[\\t-\\r\\x1c-\\x20\\u0085\\u00a0\\u1680\\u2000-\\u200a\\u2028\\u2029\\u202f\\u205f\\u3000]"
  @blank = Regexp.new("\\A" + space + "*\\z")
  @ink = Regexp.new("[^" + space[1..])
  @ipv4 = /\A(?:(?:25[0-5]|2[0-4]\d|1\d\d|[1-9]?\d)(?:\.(?!\z)|\z)){4}\z/
  # https://www.w3.org/TR/trace-context/#traceparent-header: version-trace-parent-flags, by position
  @traceparent = /\A[0-9a-f]{2}-([0-9a-f]{32})-([0-9a-f]{16})-[0-9a-f]{2}(?:-.*)?\z/
  # Possessive: a text of a megabyte leaves no trail to go back on.
  @tokens = /"[^"\\]*+(?:\\.[^"\\]*+)*+"|-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?/
  @brackets = /"[^"\\]*+(?:\\.[^"\\]*+)*+"|[\[\]{}]/
  @object = /\A\uFEFF?[ \t\r\n]*\{/
  @behind = /\}[ \t\r\n]*[^,\]} \t\r\n]/
  @escape = /\\(?:u(\h{4})|.)/m
  @origin = [
    %w[cluster orchestrator cluster name], %w[namespace kubernetes namespace], %w[pod kubernetes pod name],
    %w[node kubernetes node name], %w[container kubernetes container name], %w[container container name],
    %w[unit systemd unit]
  ]
end
