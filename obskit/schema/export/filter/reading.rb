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
