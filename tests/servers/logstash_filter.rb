# Runs the generated Ruby of the Logstash filter without a Logstash, in the JRuby that Logstash is made of.
#
#   jruby logstash_filter.rb FILTER.rb < events.jsonl > documents.jsonl
#
# Each line in is an event of Logstash's own making ({"message": …, "host": …}); each line out is what the filter
# makes of it, or null where it cancels it. The stand-ins below do what recordings/logstash-filters.jsonl shows of
# the real ones, and only what the filter uses: the json filter with a target (json-target-root-array-scalar,
# ruby-classes-of-json-values, json-trailing-garbage), Event (ruby-set-nil, ruby-to_hash-contents) and Timestamp.
require "json"
require "bigdecimal"
require "strscan"

module LogStash
  class Timestamp
    attr_reader :time
    def self.at(seconds, micros)
      new(Time.at(seconds, micros).utc)
    end

    def initialize(time)
      @time = time
    end

    def to_s
      @time.strftime("%Y-%m-%dT%H:%M:%S.%LZ")
    end
  end

  module Json
    ParserError = Class.new(StandardError)

    # Numbers with a point or an exponent become BigDecimal; of several values the last one counts.
    def self.load(text)
      values = parsed(text.delete_prefix("\uFEFF"))
      values.last
    rescue ::JSON::ParserError => error
      raise ParserError, error.message
    end

    # Jackson takes strict JSON only (json-invalid); the json gem reads comments and unknown escapes as well.
    TOKEN = /[ \t\r\n]+|[\[\]{},:]|"(?:[^"\\\x00-\x1f]|\\(?:["\\\/bfnrt]|u\h{4}))*"|-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?|true|false|null/

    # The values at the root, one behind the other, as Jackson reads them: only behind a number there has to be space.
    def self.parsed(text)
      tokens, values, start, depth = StringScanner.new(text), [], 0, 0
      until tokens.eos?
        token = tokens.scan(TOKEN) or raise ::JSON::ParserError, "not strict JSON"
        next if token.match?(/\A[ \t\r\n]/)
        depth += 1 if token.match?(/\A[\[{]/)
        depth -= 1 if token.match?(/\A[\]}]/)
        next unless depth == 0
        raise ::JSON::ParserError, "no space behind a number" if token.match?(/\A[-\d]/) && tokens.check(/[^ \t\r\n]/)
        values << ::JSON.parse(text.byteslice(start...tokens.pos), decimal_class: BigDecimal, max_nesting: 1000)
        start = tokens.pos
      end
      raise ::JSON::ParserError, "it ends too early" unless text.byteslice(start..).strip.empty?
      values
    end
  end

  class Event
    attr_accessor :timestamp

    def initialize(data)
      @data = data
      @timestamp = Timestamp.at(0, 0)
      @cancelled = false
    end

    def cancel
      @cancelled = true
    end

    def cancelled?
      @cancelled
    end

    def get(reference)
      path(reference).inject(@data) { |holder, key| holder.is_a?(Hash) ? holder[key] : nil }
    end

    def set(reference, value)
      *parents, last = path(reference)
      parents.inject(@data) { |holder, key| holder[key] ||= {} }[last] = value
    end

    def remove(reference)
      *parents, last = path(reference)
      holder = parents.inject(@data) { |found, key| found.is_a?(Hash) ? found[key] : nil }
      holder.delete(last) if holder.is_a?(Hash)
    end

    def to_hash
      @data.reject { |key, _| key == "@metadata" }.merge("@timestamp" => @timestamp)
    end

    def to_json(*)
      ::JSON.generate(to_hash.merge("@timestamp" => @timestamp.to_s))
    end

    private

    def path(reference)
      reference.start_with?("[") ? reference.scan(/\[([^\]]*)\]/).flatten : [reference]
    end
  end
end

class Plugin
  def initialize(code)
    instance_eval(code, "filter")
  end

  def filter(event)
    line = event.remove("message")
    event.set("[@metadata][line]", line) unless line.nil?
    begin
      document = line.is_a?(String) ? LogStash::Json.load(line) : nil
      event.set("[@metadata][doc]", document)
    rescue LogStash::Json::ParserError
      nil # skip_on_invalid_json: neither tag nor field
    end
    @obskit.apply(event)
  end
end

plugin = Plugin.new(File.read(ARGV[0], encoding: "UTF-8"))
STDIN.set_encoding("UTF-8")
STDOUT.set_encoding("UTF-8")
lines = STDIN.each_line.to_a
made = Array.new(lines.size)
waiting = Queue.new
lines.size.times { |index| waiting << index }
waiting.close
# Several workers run through one and the same filter, as in Logstash.
workers = Array.new(4) do
  Thread.new do
    while (index = waiting.pop)
      event = LogStash::Event.new(JSON.parse(lines[index], max_nesting: false))
      plugin.filter(event)
      made[index] = "null"
      next if event.cancelled?
      made[index] = JSON.generate(JSON.parse(event.to_json, max_nesting: false), max_nesting: 0)
    end
  end
end
workers.each(&:join)
puts(made)
