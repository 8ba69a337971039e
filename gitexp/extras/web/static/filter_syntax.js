"use strict";

/** The text of a filter as a tree of conditions: the grammar of `catalog/filter_syntax.py`. */
gitexp.filterSyntax = (() => {
  const LONGEST = 5000;
  const LONGEST_NUMBER = 400;
  const LONGEST_PATTERN = 500;
  const DEEPEST = 50;
  const TOKEN = new RegExp(
    [
      String.raw`(?<number>[+-]?(?:\p{Nd}+(?:\.\p{Nd}*)?|\.\p{Nd}+)(?:[eE][+-]?\p{Nd}+)?(?![\p{L}\p{N}_.]))`,
      String.raw`(?<text>'(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*")`,
      "`(?<quoted>[^`]+)`",
      String.raw`(?<name>[\p{L}\p{Nl}\p{No}_][\p{L}\p{N}_.:\/\-]*(?:\[\p{Nd}+\][\p{L}\p{N}_.:\/\-]*)*)`,
      String.raw`(?<mark>==|!=|<=|>=|!~|[<>~(),\[\]])`,
    ].join("|"),
    "suy",
  );
  const CONSTANTS = new Map([["true", true], ["false", false], ["null", null], ["True", true], ["False", false], ["None", null]]);
  const OPERATORS = new Set(["==", "!=", "<", "<=", ">", ">=", "~", "!~", "in"]);
  const OF_PATTERNS = new Set(["~", "!~"]); // the operators with a regular expression at their right
  const WORDS = new Set(["and", "or", "not", ...[...OPERATORS].filter((how) => /^[a-z]+$/.test(how))]);
  const MEANT = { "=": "==", "&": "and", "|": "or", "!": "not" };

  class FilterError extends Error {}

  function wrong(text, at, what) {
    const before = [...text.slice(0, at)].length;
    return new FilterError(`The filter is wrong at character ${before + 1}: ${what}.`);
  }

  function tokens(text) {
    const found = [];
    let at = 0;
    for (;;) {
      at += /^\s*/.exec(text.slice(at))[0].length;
      if (at >= text.length) break;
      TOKEN.lastIndex = at;
      const match = TOKEN.exec(text);
      if (!match) throw wrong(text, at, complaint(text, at));
      let [kind, shown] = Object.entries(match.groups).find(([, value]) => value !== undefined);
      if (kind === "name" && WORDS.has(shown)) kind = "word";
      found.push({ kind, text: shown, at });
      at = TOKEN.lastIndex;
    }
    found.push({ kind: "end", text: "", at });
    return found;
  }

  function complaint(text, at) {
    const char = String.fromCodePoint(text.codePointAt(at));
    if ("'\"`".includes(char)) return `the closing ${char} is missing`;
    if (char in MEANT) return `'${char}' means nothing here; perhaps ${MEANT[char]} is meant`;
    if (/\p{Nd}/u.test(char)) return "neither a number nor a name; a key that begins with a digit stands in `backquotes`";
    return `'${char}' means nothing here`;
  }

  function shownToken(token) {
    if (token.kind === "end") return "the end";
    return token.kind === "text" ? token.text : `'${token.text}'`;
  }

  /** Reads a filter from left to right; the methods are the rules of the grammar. */
  class Reader {
    constructor(text) {
      if (text.length > LONGEST) throw new FilterError(`The filter is longer than ${LONGEST.toLocaleString("en")} characters.`);
      this.text = text;
      this.tokens = tokens(text);
      this.at = 0;
      this.names = [];
    }

    get next() {
      return this.tokens[this.at];
    }

    whole() {
      if (this.next.kind === "end") throw new FilterError("The filter is empty.");
      const condition = this.either(0);
      if (this.next.kind !== "end") throw this.unexpected("'and', 'or' or the end");
      return condition;
    }

    either(depth) {
      const parts = [this.both(depth)];
      while (this.takes("or")) parts.push(this.both(depth));
      return parts.length === 1 ? parts[0] : { is: "or", parts };
    }

    both(depth) {
      const parts = [this.negated(depth)];
      while (this.takes("and")) parts.push(this.negated(depth));
      return parts.length === 1 ? parts[0] : { is: "and", parts };
    }

    negated(depth) {
      if (depth > DEEPEST) throw wrong(this.text, this.next.at, "too many parentheses or 'not' within each other");
      if (this.takes("not")) return { is: "not", part: this.negated(depth + 1) };
      if (!this.takes("(")) return this.comparison();
      const condition = this.either(depth + 1);
      if (!this.takes(")")) throw this.unexpected("')', 'and' or 'or'");
      return condition;
    }

    comparison() {
      const first = this.operand();
      let left = first;
      const pairs = [];
      for (let how = this.operator(); how; how = this.operator()) {
        const right = OF_PATTERNS.has(how) ? this.pattern() : this.operand(how.endsWith("in"));
        pairs.push({ is: "comparison", left, how, right });
        left = right;
      }
      if (pairs.length > 1) return { is: "and", parts: pairs };
      if (pairs.length) return pairs[0];
      if (!("name" in first) && typeof first.value !== "boolean") {
        throw wrong(this.text, this.next.at, `an operator such as == or in is expected, not ${shownToken(this.next)}`);
      }
      return { is: "truth", operand: first };
    }

    operator() {
      if (this.next.text === "not" && this.tokens[this.at + 1]?.text === "in") {
        this.at += 2;
        return "not in";
      }
      const { kind, text } = this.next;
      if ((kind !== "mark" && kind !== "word") || !OPERATORS.has(text)) return undefined;
      this.at += 1;
      return text;
    }

    operand(within = false) {
      const token = this.next;
      if ((token.kind === "name" || token.kind === "quoted") && !CONSTANTS.has(token.text)) {
        this.at += 1;
        const name = { name: token.text, at: token.at };
        this.names.push(name);
        return name;
      }
      if (this.takes("[")) return { value: this.items("]"), at: token.at };
      if (within && this.takes("(")) return { value: this.items(")"), at: token.at };
      return this.literal("a name, a number or a text in quotes");
    }

    items(closing) {
      const found = [];
      while (!this.takes(closing)) {
        if (found.length && !this.takes(",")) throw this.unexpected(`',' or '${closing}'`);
        if (found.length && this.takes(closing)) break;
        found.push(this.literal("a number or a text in quotes").value);
      }
      return found;
    }

    literal(expected) {
      const token = this.next;
      let value;
      if (token.kind === "text") value = token.text.slice(1, -1).replace(/\\([\\'"])/g, "$1");
      else if (token.kind === "number" && token.text.length <= LONGEST_NUMBER) value = gitexp.values.measured(token.text);
      else if (token.kind === "name" && CONSTANTS.has(token.text)) value = CONSTANTS.get(token.text);
      else throw this.unexpected(expected);
      this.at += 1;
      return { value, at: token.at };
    }

    pattern() {
      if (this.next.kind !== "text") throw this.unexpected("a regular expression in quotes");
      const literal = this.literal("");
      if ([...literal.value].length > LONGEST_PATTERN) {
        throw wrong(this.text, literal.at, `the regular expression is longer than ${LONGEST_PATTERN} characters`);
      }
      try {
        return { value: gitexp.patterns.compiled(literal.value), at: literal.at };
      } catch (error) {
        throw wrong(this.text, literal.at, `the regular expression is wrong, ${error.message}`);
      }
    }

    takes(text) {
      const { kind, text: found } = this.next;
      const taken = (kind === "mark" || kind === "word") && found === text;
      if (taken) this.at += 1;
      return taken;
    }

    unexpected(expected) {
      return wrong(this.text, this.next.at, `${expected} is expected, not ${shownToken(this.next)}`);
    }
  }

  /** The condition in the text of a filter, and the names in it. Throws FilterError. */
  function read(text) {
    const reader = new Reader(text);
    const condition = reader.whole();
    return { condition, names: reader.names };
  }

  return { read, wrong, FilterError, OF_PATTERNS };
})();

/** Python's regular expressions as JavaScript's: the parts that both have, spelled in another way. */
gitexp.patterns = (() => {
  const CLASSES = { d: "\\p{Nd}", w: "\\p{L}\\p{N}_", s: "\\s" };
  const NOT_CLASSES = { D: "\\P{Nd}", W: "[^\\p{L}\\p{N}_]", S: "\\S" };
  const SPECIAL = "^$\\.*+?()[]{}|/-"; // what may follow a backslash; "-" in a class alone
  const IN_CLASS = "()[{}/|&!#%,:;<=>@`~"; // what means something in a class of JavaScript's alone
  const PLAIN = { a: "\\x07", f: "\\f", n: "\\n", r: "\\r", t: "\\t", v: "\\v" };

  function compiled(pattern) {
    let source = pattern;
    let flags = "v"; // of Unicode, with classes in classes
    const inline = /^\(\?([ims]+)\)/.exec(source);
    if (inline) {
      source = source.slice(inline[0].length);
      flags += [...new Set(inline[1])].join("");
    }
    const parts = [];
    let inClass = false;
    for (let at = 0; at < source.length; at++) {
      const char = source[at];
      if (char === "\\") {
        at += 1;
        if (at === source.length) throw new Error("bad escape at the end");
        parts.push(escaped(source[at], source, at, inClass));
      } else if (inClass) {
        if (char === "]") inClass = false;
        parts.push(IN_CLASS.includes(char) ? `\\${char}` : char);
      } else if (char === "[") {
        inClass = true;
        parts.push(char);
        if (source[at + 1] === "^") parts.push(source[++at]);
        if (source[at + 1] === "]") parts.push("\\" + source[++at]);
      } else if (char === "." && !flags.includes("s")) parts.push("[^\\n]");
      else if (char === "$" && !flags.includes("m")) parts.push("(?=\\n?(?![^]))");
      else if (char === "(" && source.startsWith("(?P<", at)) {
        parts.push("(?<");
        at += 3;
      } else if (char === "(" && source.startsWith("(?P=", at)) {
        const end = source.indexOf(")", at);
        parts.push(`\\k<${source.slice(at + 4, end)}>`);
        at = end;
      } else if (char === "(" && source.startsWith("(?#", at)) {
        at = source.indexOf(")", at);
        if (at < 0) throw new Error("missing ), unterminated comment");
      } else if (char === "{") {
        const count = /^\{(\d*)(,?)(\d*)\}/.exec(source.slice(at));
        const isCount = count && (count[1] || count[3] || count[2]) && at > 0;
        if (isCount) parts.push(`{${count[1] || 0}${count[2]}${count[3]}}`);
        else parts.push("\\{");
        if (isCount) at += count[0].length - 1;
      } else if (char === "}" || char === "]") parts.push(`\\${char}`);
      else parts.push(char);
    }
    return new RegExp(parts.join(""), flags);
  }

  function escaped(char, source, at, inClass) {
    if (char in CLASSES) return inClass || char === "s" ? CLASSES[char] : `[${CLASSES[char]}]`;
    if (char in NOT_CLASSES) return NOT_CLASSES[char];
    if (char === "A" && !inClass) return "(?<![^])";
    if (char === "Z" && !inClass) return "(?![^])";
    if (char === "b" || (char === "B" && !inClass)) return boundary(char, inClass);
    if (char in PLAIN) return PLAIN[char];
    if (/[1-9]/.test(char) && !inClass) return `\\${char}`;
    if (char === "0") return "\\x00";
    if (char === "x" && /^[0-9a-fA-F]{2}/.test(source.slice(at + 1))) return "\\x";
    if (char === "u" && /^[0-9a-fA-F]{4}/.test(source.slice(at + 1))) return "\\u";
    if (/[A-Za-z]/.test(char)) throw new Error(`this page does not know the escape \\${char}`);
    if (SPECIAL.includes(char) && (char !== "-" || inClass)) return `\\${char}`;
    if (inClass && IN_CLASS.includes(char)) return `\\${char}`;
    return char;
  }

  const WORD = "[\\p{L}\\p{N}_]";

  function boundary(char, inClass) {
    if (inClass) return "\\x08";
    const edge = `(?<=${WORD})(?!${WORD})|(?<!${WORD})(?=${WORD})`;
    if (char === "b") return `(?:${edge})`;
    return `(?:(?<=${WORD})(?=${WORD})|(?<!${WORD})(?!${WORD}))`;
  }

  return { compiled };
})();
