# The engine. It knows no field by name but those that the design itself names: `level` with
# `severity_text`, `trace_id` with `span_id`, `host`, `environment`, `version` and `attributes`.
# Everything else is in the tables, which are generated.
#
# It is the same rule as that of the Filebeat script and of `obskit normalize` (docs/normalisation.md).
# One object serves all workers at once, so nothing changes in it after `initialize`. No apostrophe may
# stand in here, comments included: the text is an argument in apostrophes. No dollar sign before a brace either.
@obskit = Class.new do
  def initialize(fields, settings, limits, formats)
    @fields, @settings, @limits, @formats = fields, settings, limits, formats
    @fields.each { |field| field[:paths] = field[:names].map { |name| [name, name.split(".")] } }
    @plain = {}
    @fields.each { |field| @plain[field[:name]] = true if field[:path].size == 1 }
    # Most events have canonical names only. An alias at the top, or an object where a dotted name begins,
    # is what makes a search worth its price.
    @aliases, @parents = {}, {}
    @fields.each do |field|
      field[:paths].each do |name, path|
        @aliases[name] = true unless @plain[name]
        @parents[path[0]] = true if path.size > 1
      end
    end
    @date = /\A(\d{4})-(\d\d)-(\d\d)[Tt ](\d\d):(\d\d):(\d\d)(?:[.,](\d+))? ?(?:[Zz]|([+-])(\d\d)(?::?(\d\d))?)\z/
    @days = [0, 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31]
    @last_instant = 253_402_300_799_999 # the end of the year 9999, in milliseconds
    @exact = 2**53 - 1                  # whole numbers that a double holds
    @ipv4 = /\A(?:(?:25[0-5]|2[0-4]\d|1\d\d|[1-9]?\d)(?:\.(?!\z)|\z)){4}\z/
    # https://www.w3.org/TR/trace-context/#traceparent-header: version-trace-parent-flags, by position
    @traceparent = /\A[0-9a-f]{2}-([0-9a-f]{32})-([0-9a-f]{16})-[0-9a-f]{2}(?:-.*)?\z/
    @tokens = /"(?:[^"\\]|\\.)*"|-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?/
    @brackets = /"(?:[^"\\]|\\.)*"|[\[\]{}]/
    @escape = /\\(?:u(\h{4})|.)/m
    @origin = [
      %w[cluster orchestrator cluster name], %w[namespace kubernetes namespace], %w[pod kubernetes pod name],
      %w[node kubernetes node name], %w[container kubernetes container name], %w[container container name],
      %w[unit systemd unit]
    ].map { |name, *path| [name, path.map { |key| "[" + key + "]" }.join] }
  end

  # --- Logstash: what the filter calls --------------------------------------------------------

  def apply(event)
    line = event.get("[@metadata][line]")
    if line.is_a?(String) && line.match?(/\A\s*\z/)
      event.cancel
      return
    end
    origin = origin_of(event)
    known = known_of(event)
    document, reasons, millis = outcome(line, event, known)
    original = line.is_a?(String) ? line : event.to_json
    event.to_hash.each_key { |key| event.remove(key) unless key == "@timestamp" }
    event.remove("[@metadata][doc]")
    event.remove("[@metadata][line]")
    if reasons.empty?
      merge_shipper(document, origin)
      event.timestamp = LogStash::Timestamp.at(millis / 1000, millis % 1000 * 1000) if millis
    else
      document = quarantined(original, document, reasons)
    end
    document.each { |key, value| event.set(key, value) }
    dataset = reasons.empty? ? dataset_of(document["service"]) : @settings[:quarantine]
    event.set("data_stream", {
      "type" => "logs", "dataset" => @settings[:prefix] + dataset, "namespace" => @settings[:namespace]
    })
  end

  # A mistake of ours must not lose a line, nor a line of thousands of brackets the worker.
  def outcome(line, event, known)
    return [{}, ["line: missing"], nil] unless line.is_a?(String)
    # Bytes that are no UTF-8 become U+FFFD in Filebeat; our inputs mark a line that really has one.
    if line.include?("\uFFFD") && event.get("[obskit][format]") && !event.get("[obskit][replacement]")
      return [{}, ["line: not UTF-8"], nil]
    end
    format = @formats[event.get("[obskit][format]")]
    doc, reason = format ? format.call(line, event.get("[obskit][service]"), self) : checked(line, event.get("[@metadata][doc]"))
    reason ? [{}, [reason], nil] : normalise(doc, known)
  rescue StandardError, SystemStackError => error
    [{}, ["filter: " + error.class.to_s + ": " + error.message.to_s], nil]
  end

  # The host that shipped the line, and what obskit.yml says of the service whose line it is: Filebeat
  # sends that along; for other inputs it is the settings of this pipeline.
  def known_of(event)
    host = event.get("host")
    host = host["hostname"] || host["name"] if host.is_a?(Hash)
    sent = event.get("obskit")
    sent = {} unless sent.is_a?(Hash)
    known = {}
    known["host"] = host if host.is_a?(String) && !host.empty?
    environment = sent["environment"] || @settings[:environment]
    known["environment"] = environment if environment.is_a?(String) && !environment.empty?
    known["version"] = sent["version"] if sent["version"].is_a?(String) && !sent["version"].empty?
    known
  end

  # What Kubernetes and Docker metadata processors know of the place the line came from.
  def origin_of(event)
    found = {}
    @origin.each do |name, reference|
      value = event.get(reference)
      found[name] ||= value if value.is_a?(String) && !value.empty?
    end
    found
  end

  def merge_shipper(document, origin)
    return if origin.empty?
    attributes = (document[@settings[:attributes]] ||= {})
    attributes["shipper"] = {} unless attributes["shipper"].is_a?(Hash)
    attributes["shipper"].update(origin)
  end

  def quarantined(line, document, reasons)
    kept = { "message" => line, "reasons" => reasons,
             "error" => { "type" => "schema", "message" => reasons.join("; ") } }
    kept["service"] = document["service"] if document["service"].is_a?(String)
    kept
  end

  def dataset_of(service)
    dataset = service.downcase.gsub(/[^a-z0-9_]/, "_")
    dataset += "_" if dataset == @settings[:quarantine]
    dataset[0, @limits[:service]]
  end

  # --- The whole line -------------------------------------------------------------------------

  def normalise(doc, known)
    document, reasons, declared, span, millis = {}, [], {}, nil, nil
    search = doc.any? { |key, value| @aliases.key?(key) || (value.is_a?(Hash) && @parents.key?(key)) }
    @fields.each do |field|
      found = search ? find(doc, field) : direct(doc, field)
      if found.nil?
        reasons << (field[:name] + ": missing") if field[:required]
        next
      end
      name, holders, key = found
      value = holders[-1][0][key]
      if field[:name] == @settings[:attributes]
        take(holders, key)
        declared = value.is_a?(Hash) ? value : { field[:name] => value } unless value.nil?
        next
      end
      if value.nil?
        take(holders, key)
        if !field[:nullable] then reasons << (field[:name] + ": null")
        elsif field[:required] then set(document, field[:path], nil)
        end
        next
      end
      if name == "traceparent" && value.is_a?(String) && (parts = @traceparent.match(value))
        value, span = parts[1], parts[2]
      end
      value = level_of(field, value, document) if field[:synonyms]
      value, reason, instant = read(field, value)
      if reason
        reasons << (field[:name] + ": " + reason)
        next
      end
      take(holders, key)
      millis = instant if field[:name] == "timestamp"
      set(document, field[:path], value)
    end
    document["span_id"] = span if span && !document.key?("span_id")
    known.each { |name, value| document[name] = value unless document.key?(name) }
    attributes = collect(doc, declared)
    marks = known.reject { |name, value| name == "host" || document[name] == value }
    attributes["shipper"] = marks unless marks.empty?
    unless attributes.empty?
      cut = []
      attributes = bounded(attributes, 1, "", cut)
      attributes[@settings[:cut]] = cut unless cut.empty?
      document[@settings[:attributes]] = attributes
    end
    [document, reasons, millis]
  end

  # --- Reading a line -------------------------------------------------------------------------

  # The json filter has parsed the line already. What it takes without a word is looked at here.
  def checked(line, doc)
    return [nil, "json: more than " + @limits[:nesting].to_s + " levels of nesting"] if line.count("[{") > @limits[:nesting] && deep?(line)
    # Of half a surrogate pair it keeps the text before it.
    return [nil, "json: half a surrogate pair"] if line.include?("\\u") && lone_surrogate?(line)
    unless doc.is_a?(Hash)
      return [nil, "json: not an object"] if !doc.nil? || line.strip == "null"
      return [nil, "json: not valid"]
    end
    # Of two objects in one line it keeps the last.
    if line.include?("}{") || line.match?(/\}[ \t\r\n]+\{/)
      begin
        JSON.parse(line.delete_prefix("\uFEFF"), max_nesting: false)
      rescue JSON::ParserError
        return [nil, "json: not valid"]
      end
    end
    # A number that a double cannot hold is kept as text, digit for digit: the parser sees it in quotes.
    if line.match?(/\d{16}|\d[eE]\+?\d{2}/)
      quoted = line.gsub(@tokens) { |token| token.start_with?("\"") || exact?(token) ? token : "\"" + token + "\"" }
      doc = LogStash::Json.load(quoted) unless quoted == line
    end
    [doc, nil]
  end

  def deep?(line)
    depth = 0
    line.scan(@brackets) do |found|
      case found
      when "[", "{" then depth += 1
      when "]", "}" then depth -= 1
      end
      return true if depth > @limits[:nesting]
    end
    false
  end

  def exact?(token)
    token.match?(/\A-?\d+\z/) ? token.to_i.abs <= @exact : token.to_f.finite?
  end

  def lone_surrogate?(line)
    return false unless line.match?(/\\u[dD][89a-fA-F]/)
    awaited = nil # where the second half has to stand
    line.scan(@escape) do |hex,|
      at = Regexp.last_match.begin(0)
      unit = hex ? hex.to_i(16) : 0
      second = unit >= 0xDC00 && unit <= 0xDFFF
      return true if second != (awaited == at) || (awaited && !second)
      awaited = unit >= 0xD800 && unit <= 0xDBFF ? at + 6 : nil
    end
    !awaited.nil?
  end

  # --- Taking values out of the parsed line ----------------------------------------------------
  # What is found is [name, [[holder, key in its parent], …], key].

  def direct(doc, field)
    name = field[:name]
    doc.key?(name) ? [name, [[doc, nil]], name] : nil
  end

  # The canonical name beats every alias, and aliases count in listed order. An object is no value of a
  # plain field: {"host": {"name": "a"}} has its host at the alias host.name.
  def find(doc, field)
    fallback = nil
    field[:paths].each_with_index do |(name, path), index|
      holders, key = locate(doc, name, path)
      next if holders.nil?
      return [name, holders, key] if field[:type] == "flattened" || !holders[-1][0][key].is_a?(Hash)
      fallback = [name, holders, key] if index == 0
    end
    fallback
  end

  # The value at a name: as a key that contains the dots, else as nested objects.
  def locate(doc, name, path)
    return [[[doc, nil]], name] if doc.key?(name)
    return nil if path.size == 1 || !doc[path[0]].is_a?(Hash)
    holders, holder = [[doc, nil]], doc
    path[0..-2].each do |key|
      holder = holder[key]
      return nil unless holder.is_a?(Hash)
      holders << [holder, key]
    end
    holder.key?(path[-1]) ? [holders, path[-1]] : nil
  end

  # Removes a value, and the objects that this leaves empty.
  def take(holders, key)
    holders[-1][0].delete(key)
    (holders.size - 1).downto(1) do |index|
      return unless holders[index][0].empty?
      holders[index - 1][0].delete(holders[index][1])
    end
  end

  def set(document, path, value)
    holder = document
    path[0..-2].each { |key| holder = (holder[key] ||= {}) }
    holder[path[-1]] = value
  end

  # --- Values by type: [value, reason, milliseconds since 1970] --------------------------------

  def read(field, value)
    case field[:type]
    when "keyword", "text" then text(field, value)
    when "date" then date(value)
    when "ip" then address?(value) ? [value] : [nil, "not an IP address"]
    when "long", "double" then number(field, value)
    when "boolean" then value == true || value == false ? [value] : [nil, "not true or false"]
    else flattened(value)
    end
  end

  def text(field, value)
    return [nil, "not text"] unless value.is_a?(String)
    return [nil, "empty"] if value.length < field[:min_length] || (field[:min_length] > 0 && value.match?(/\A[[:space:]]*\z/))
    if field[:max_length] > 0 && value.length > field[:max_length]
      return [nil, "longer than " + field[:max_length].to_s + " characters"]
    end
    return [nil, "not of the form of the field"] if field[:pattern] && !value.match?(field[:pattern])
    return [nil, "not one of " + field[:allowed].join(" ")] if field[:allowed] && !field[:allowed].include?(value)
    [value]
  end

  # WARNING is WARN and critical is ERROR; what the source said stays beside it unless only its case differs.
  def level_of(field, value, document)
    return value unless value.is_a?(String)
    return value if field[:allowed] && field[:allowed].include?(value)
    upper = value.gsub(/\A[[:space:]]+|[[:space:]]+\z/, "").upcase
    return upper if field[:allowed] && field[:allowed].include?(upper)
    return value unless field[:synonyms].key?(upper)
    document["severity_text"] ||= value if field[:name] == "level"
    field[:synonyms][upper]
  end

  # The json filter makes BigDecimal of everything with a point or an exponent.
  def plain_number(value)
    return value if value.is_a?(Integer)
    float = value.to_f
    float == float.floor && float.abs <= @exact ? float.to_i : float
  end

  def number(field, value)
    return [nil, "not a number"] unless value.is_a?(Numeric) && value.to_f.finite?
    value = plain_number(value)
    return [nil, "not a whole number"] if field[:type] == "long" && !value.is_a?(Integer)
    return [nil, "below " + field[:minimum].to_s] if field[:minimum] && value < field[:minimum]
    return [nil, "above " + field[:maximum].to_s] if field[:maximum] && value > field[:maximum]
    [value]
  end

  def address?(value)
    return false unless value.is_a?(String)
    value.match?(@ipv4) || ipv6?(value)
  end

  def ipv6?(value)
    last = value.rindex(":")
    return false if last.nil?
    tail = value[(last + 1)..]
    if tail.include?(".") # the last 32 bits in the form of IPv4 stand for two groups
      return false unless tail.match?(@ipv4)
      value = value[0..last] + "0:0"
    end
    halves = value.split("::", -1)
    return false if halves.size > 2
    groups = halves.flat_map { |half| half.split(":", -1) }
    return false unless groups.all? { |group| group.match?(/\A\h{1,4}\z/) }
    halves.size == 2 ? groups.size <= 7 : groups.size == 8
  end

  def date(value)
    millis =
      if value.is_a?(String) then value.match?(/\A\d{10,19}\z/) ? epoch(value.to_f) : calendar(value)
      elsif value.is_a?(Numeric) && value.to_f.finite? then epoch(value.to_f)
      end
    return [nil, "no date and time with a zone"] unless millis && millis >= 0 && millis <= @last_instant
    stamp = Time.at(millis / 1000).utc.strftime("%Y-%m-%dT%H:%M:%S.") + (millis % 1000).to_s.rjust(3, "0") + "Z"
    [stamp, nil, millis]
  end

  # Seconds, milliseconds, microseconds or nanoseconds: the size of the number tells.
  def epoch(number)
    return nil if number < 0
    scaled = number < 1e11 ? number * 1000 : number < 1e14 ? number : number < 1e17 ? number / 1000 : number / 1_000_000
    (scaled + 0.5).floor
  end

  def calendar(value)
    part = @date.match(value)
    return nil if part.nil?
    year, month, day, hour, minute, second = part[1].to_i, part[2].to_i, part[3].to_i, part[4].to_i, part[5].to_i, part[6].to_i
    offset = part[8] ? part[9].to_i * 60 + part[10].to_i : 0
    leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0)
    return nil if year < 1970 || month < 1 || month > 12 || day < 1 || hour > 23 || minute > 59 || second > 59
    return nil if day > @days[month] + (month == 2 && leap ? 1 : 0) || offset > 18 * 60 || part[10].to_i > 59
    millis = ((part[7] || "") + "000")[0, 3].to_i
    (Time.utc(year, month, day, hour, minute, second).to_i - (part[8] == "-" ? -offset : offset) * 60) * 1000 + millis
  end

  def flattened(value)
    return [nil, "not an object"] unless value.is_a?(Hash)
    cut = []
    kept = bounded(value, 1, "", cut)
    cut.empty? ? [kept] : [nil, "more than the index takes at " + cut.join(", ")]
  end

  # --- Attributes -------------------------------------------------------------------------------

  # What the service put below `attributes` stays as it is; every other key that is left joins it. A key
  # that is taken gets underscores: neither value is lost.
  def collect(doc, declared)
    return declared if doc.empty?
    extra = declared.dup
    doc.each do |key, value|
      key += "_" while extra.key?(key)
      extra[key] = value
    end
    extra
  end

  # A flattened field refuses more than 20 levels, and silently leaves out of its index every leaf above
  # `ignore_above`. Both are cut here, and their paths listed, so that nothing is lost unseen.
  def bounded(value, depth, path, cut)
    case value
    when String
      kept = first_bytes(value, @limits[:leaf_bytes])
      cut << path if kept.length < value.length
      kept
    when Hash, Array
      if depth > @limits[:depth]
        cut << path
        return first_bytes(json_text(value, @limits[:leaf_bytes]), @limits[:leaf_bytes])
      end
      return value.map { |item| bounded(item, depth + 1, path, cut) } if value.is_a?(Array)
      value.each_with_object({}) do |(key, item), copy|
        name = first_bytes(key.include?("\u0000") ? key.tr("\u0000", "\uFFFD") : key, @limits[:key_bytes])
        below = path.empty? ? name : path + "." + name
        cut << below if name.length < key.length
        copy[name] = bounded(item, depth + 1, below, cut)
      end
    when Numeric then plain_number(value)
    else value
    end
  end

  # The JSON text of a value, as far as it is needed. A stack of its own: a worker has not enough for 480 levels.
  def json_text(value, limit)
    text, waiting = +"", [value]
    until waiting.empty? || text.bytesize > limit
      item = waiting.pop
      case item
      when Symbol then text << item.to_s
      when Hash then waiting.concat(listed(:"{", item.map { |key, inner| [key, :":", inner] }, :"}").reverse)
      when Array then waiting.concat(listed(:"[", item.map { |inner| [inner] }, :"]").reverse)
      when Numeric then text << JSON.generate(plain_number(item))
      else text << JSON.generate(item)
      end
    end
    text
  end

  def listed(opening, entries, closing)
    parts = [opening]
    entries.each_with_index { |entry, index| parts.push(*(index == 0 ? entry : [:",", *entry])) }
    parts << closing
  end

  # The longest start of whole characters that takes at most so many bytes of UTF-8.
  def first_bytes(text, limit)
    text.bytesize <= limit ? text : text.byteslice(0, limit).scrub("")
  end
end.new(@obskit_fields, @obskit_settings, @obskit_limits, @obskit_formats)
