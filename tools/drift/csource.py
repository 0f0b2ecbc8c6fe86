# SPDX-License-Identifier: GPL-2.0
"""Cuts definitions out of the kernel's C: functions, macros, types, tables.

No preprocessor and no parser: comments, strings and directives are blanked at their places, and
what is left is cut at the braces and semicolons of the top level. Both sides of a conditional
count, for the tree that is looked at has no configuration.
"""

import bisect
import hashlib
import re
from dataclasses import dataclass

# What says that a name exists, without being it.
MENTIONS = ("prototype", "declaration")
TYPES = ("struct", "union", "enum", "typedef")
# What is said about a name elsewhere: NOKPROBE_SYMBOL(), EXPORT_SYMBOL() and so on.
NOTE = "note"

KEYWORDS = frozenset("""
    auto bool case char const default do double else enum extern float for goto if inline int long
    register return short signed sizeof static struct switch typedef typeof union unsigned void
    volatile while _Bool __inline __inline__ __always_inline noinline asm __asm__ __volatile__
    """.split())
# Names with arguments that decorate a declaration and are not what it declares.
ATTRIBUTES = re.compile(
    r"__(attribute__?|aligned|printf|scanf|section|must_hold\w*|acquires\w*|releases\w*|cond_(acquires|releases|lock)\w*"
    r"|alloc_size|realloc_size|malloc|counted_by\w*|nonnull|guarded_by|pt_guarded_by|typeof(__)?"
    r"|free|cleanup|assume_aligned|diagnose_as|no_sanitize|no_context_analysis|kcfi_salt"
    r"|alignof__|declspec|user_guarded)$|(_Alignas|__typeof_unqual__|typeof_unqual|BUILD_BUG_ON)$")

COMMENT_OR_STRING = re.compile(
    r"""/\*.*?(?:\*/|\Z)|//[^\n]*|"(?:\\.|[^"\\\n])*"|'(?:\\.|[^'\\\n])*'""", re.S)
DIRECTIVE = re.compile(r"^[ \t\v]*\#[ \t\v]*(\w+)((?:\\\n|[^\n])*)", re.M)
TOKEN = re.compile(r"[{}()\[\];=]|[^\s{}()\[\];=]+")
IDENTIFIER = re.compile(r"[A-Za-z_]\w*")
CALLED = re.compile(r"\b([A-Za-z_]\w*)\s*\(")
DEFINES = re.compile(r"DEFINE_(?!FREE|GUARD|CLASS|LOCK_GUARD)|(TRACE_EVENT|[A-Z_]*_PER_CPU)")
CALL_ALONE = re.compile(r"(?:static\s+)?[A-Za-z_]\w*\s*\(\)")
# Assembly is no C: these are off.
OFF = re.compile(r"^\s*(?:0\b|(?:defined\s*\(?\s*)?__ASSEMBL(?:Y|ER)__\s*\)?\s*$)")
ON = re.compile(r"^\s*!\s*defined\s*\(?\s*__ASSEMBL(?:Y|ER)__\s*\)?\s*$")
ASSEMBLY = re.compile(r"^\s*__ASSEMBL(?:Y|ER)__\s*$")


@dataclass(frozen=True)
class Definition:
    """Something that a file has under a name; text is as it stands there."""
    name: str
    kind: str
    text: str
    start: int = 0


def _blank_match(match):
    text = match.group()
    if text[0] == "/":
        # A line end in a comment ends no directive.
        return re.sub(r"[^\n]", " ", text).replace("\n", "\v")
    return text[0] + "x" * (len(text) - 2) + text[-1]


def blank(text):
    """The text, as long as before, without comments and what strings hold."""
    return COMMENT_OR_STRING.sub(_blank_match, text)


def _close(match):
    """Two signs become neighbours, unless that makes one of them: a - -b is not a --b."""
    one, next_one = match.groups()
    return one + (" " if one == next_one and one in "+-&|<>=" else "")


def normal(text):
    """What counts of a text: no comment, no layout. Directives keep their line ends."""
    pieces, last = [], 0
    for match in COMMENT_OR_STRING.finditer(text):
        pieces.append((text[last:match.start()], False))
        piece = match.group()
        pieces.append((" " if piece[0] == "/" else piece, piece[0] != "/"))
        last = match.end()
    pieces.append((text[last:], False))
    # Strings go to the side, and come back once the white space is gone.
    strings = [p for p, is_string in pieces if is_string]
    code = "".join("\0" if is_string else p for p, is_string in pieces)
    code = re.sub(r"\\[ \t]*\n", " ", code)
    code = re.sub(r"^[ \t]*\#[ \t]*([^\n]*)$", "\1#\\1\1", code, flags=re.M)
    code = re.sub(r"\s+", " ", code)
    code = re.sub(r"(?<=\w) (?=[^\w ])|(?<=[^\w ]) (?=\w)", "", code)
    code = re.sub(r"([^\w ]) (?=([^\w ]))", _close, code)
    code = re.sub("\1+", "\n", code).strip()
    parts = code.split("\0")
    return "".join(p + (strings[i] if i < len(strings) else "") for i, p in enumerate(parts))


def normal_macro(text):
    """The same of a #define, where a space after the name says that there are no arguments."""
    match = re.match(r"\s*#\s*define\s+(\w+)(\([^)]*\))?", blank(text))
    if not match:
        return normal(text)
    arguments = re.sub(r"[\s\\]+", "", match.group(2) or "")
    return f"#define {match.group(1)}{arguments} {normal(text[match.end():])}".rstrip()


def digest(definitions):
    """The hash that stands for all definitions of a name, in their order."""
    parts = [normal_macro(d.text) if d.kind in ("macro", "constant") else normal(d.text) for d in definitions]
    return hashlib.sha256("\n\n".join(parts).encode()).hexdigest()[:16]


# --- directives ---------------------------------------------------------------------------------

def _directives(code):
    return [(m.start(), m.end(), m.group(1), m.group(2)) for m in DIRECTIVE.finditer(code)]


def _dead(directives, length):
    """Spans that are no C: #if 0, and what is for the assembler."""
    spans, stack = [], []
    for start, end, word, rest in directives:
        if word in ("if", "ifdef", "ifndef"):
            off = bool(OFF.match(rest)) if word == "if" else bool(ASSEMBLY.match(rest)) and word == "ifdef"
            on = bool(ON.match(rest)) if word == "if" else bool(ASSEMBLY.match(rest)) and word == "ifndef"
            stack.append([end if off else None, on])
        elif word in ("else", "elif") and stack:
            since, on = stack[-1]
            if since is not None:
                spans.append((since, start))
                stack[-1][0] = None
            elif on:
                stack[-1] = [end, False]
        elif word == "endif" and stack:
            since, _ = stack.pop()
            if since is not None:
                spans.append((since, start))
    spans += [(since, length) for since, _ in stack if since is not None]
    return spans


def _erase(code, spans):
    out, last = [], 0
    for start, end in sorted(spans):
        if start < last:
            continue
        out += [code[last:start], re.sub(r"[^\n]", " ", code[start:end])]
        last = end
    out.append(code[last:])
    return "".join(out)


# --- names --------------------------------------------------------------------------------------

def _flat(head):
    """Without what brackets and braces hold; those of the parentheses that follow names stay."""
    previous = None
    while previous != head:
        previous = head
        head = re.sub(r"\{[^{}]*\}", " ", head)
        head = re.sub(r"\[[^\[\]]*\]", " ", head)
    return head


def _top(head):
    """The part of a declaration before its value, with the contents of parentheses taken out."""
    out, depth = [], 0
    for char in head:
        if char == "(":
            depth += 1
            if depth == 1:
                out.append("(")
            continue
        if char == ")":
            depth -= 1
            if depth == 0:
                out.append(")")
            continue
        if depth == 0:
            if char == "=":
                break
            out.append(char)
    return "".join(out)


def _words_with_arguments(top):
    return [m.group(1) for m in CALLED.finditer(top)
            if m.group(1) not in KEYWORDS and not ATTRIBUTES.match(m.group(1))]


def _arguments(text):
    """The text between the first parentheses, cut at their commas."""
    start = text.find("(")
    depth, parts, last = 0, [], start + 1
    for i in range(start, len(text)):
        if text[i] in "([{":
            depth += 1
        elif text[i] in ")]}":
            depth -= 1
            if depth == 0:
                parts.append(text[last:i])
                break
        elif text[i] == "," and depth == 1:
            parts.append(text[last:i])
            last = i + 1
    return [p.strip() for p in parts]


def _invocation(head):
    """The macro that makes a whole declaration, as DEFINE_STATIC_KEY_FALSE(name) does."""
    match = re.match(r"\s*(?:(?:static|extern|const|inline|__always_inline|notrace)\s+)*([A-Za-z_]\w*)\s*\(", head)
    if match and match.group(1) not in KEYWORDS and not ATTRIBUTES.match(match.group(1)):
        return match.group(1)
    return None


def _enumerators(body):
    names, depth, last = [], 0, 0
    parts = []
    for i, char in enumerate(body):
        if char in "([{":
            depth += 1
        elif char in ")]}":
            depth -= 1
        elif char == "," and depth == 0:
            parts.append(body[last:i])
            last = i + 1
    parts.append(body[last:])
    for part in parts:
        match = re.match(r"\s*([A-Za-z_]\w*)(\s*\()?", part)
        if match and match.group(2):
            names += [a for a in _arguments(part) if IDENTIFIER.fullmatch(a)]
        elif match:
            names.append(match.group(1))
    return names


DECORATION = re.compile(r"__(\w*init\w*|\w*data\w*|ro_after_init|read_mostly|aligned\w*|packed|used|maybe_unused|"
                        r"percpu|randomize_layout|cacheline\w*|weak|visible|latent_entropy|initconst|bitwise)$"
                        r"|____cacheline\w*$|__counted_by\w*$")


def _declared(text):
    """The name of each object that a declaration declares."""
    names = []
    for part in re.sub(r"\(\)", " ", _top(text)).replace(";", " ").split(","):
        found = [w for w in IDENTIFIER.findall(part)
                 if w not in KEYWORDS and not DECORATION.match(w) and not ATTRIBUTES.match(w)]
        if found:
            names.append(found[-1])
    return names


def _name_item(code, text, start):
    """The definitions that one item of the top level is. `code` is blanked, `text` the original."""
    def made(name, kind):
        return Definition(name, kind, text, start)

    brace = code.find("{")
    top = _top(code)
    macro = _invocation(code)
    if macro:
        arguments = _arguments(code)
        if brace >= 0 and brace > code.find(")") and code.rstrip().endswith("}"):
            return [made(arguments[0], "function")] if arguments else []
        names = [a for a in arguments if IDENTIFIER.fullmatch(a)]
        kind = NOTE
        if macro.startswith("DECLARE_"):
            kind = "declaration"
        elif DEFINES.match(macro):
            kind = "object"
        return [made(n, kind) for n in dict.fromkeys(names)]

    out = []
    is_value = _has_value(code)
    tag = _tag(code[:brace]) if brace >= 0 else None
    typedef = re.match(r"\s*typedef\b", code)
    tail = code
    if tag:
        end = _closing(code, brace)
        if tag[1]:
            out.append(made(tag[1], tag[0]))
        if tag[0] == "enum":
            out += [made(n, "enumerator") for n in _enumerators(code[brace + 1:end])]
        tail = code[end + 1:]
        if not typedef:
            return out + [made(n, "variable") for n in _declared(_flat(tail))]
    if typedef:
        pointer = re.search(r"\(\s*\*\s*(?:const\s+)?(\w+)\s*\)", tail if tag else code)
        called = _words_with_arguments(_top(tail))
        found = pointer and pointer.group(1) or called and called[0]
        if not found:
            names = _declared(_flat(tail))
            found = names[-1] if names else None
        return out + ([made(found, "typedef")] if found else [])

    if not is_value and code.rstrip().endswith("}"):
        called = _words_with_arguments(top)
        return [made(called[0], "function")] if called else []
    if not is_value:
        called = _words_with_arguments(top)
        if called:
            return [made(called[0], "prototype")]
        pointer = re.search(r"\(\s*\*\s*(\w+)\s*(?:\[[^]]*\])?\s*\)\s*\(", code)
        if pointer:
            return [made(pointer.group(1), "declaration" if "extern" in top else "variable")]
    if re.match(r"\s*(struct|union|enum)\s+\w+\s*;", code):
        return []
    kind = "declaration" if re.match(r"\s*extern\b", code) else "variable"
    return [made(n, kind) for n in _declared(_flat(top))]


def _has_value(code):
    """Whether there is an = outside of all brackets."""
    depth = 0
    for match in re.finditer(r"[(){}\[\]=]", code):
        char = match.group()
        if char == "=" and depth == 0:
            return True
        depth += {"=": 0}.get(char, 1 if char in "({[" else -1)
    return False


def _tag(head):
    """(struct, name) if what stands before a brace makes it the body of a type."""
    top = _top(head)
    match = re.match(r"\s*(?:(?:static|const|typedef|extern|volatile)\s+)*(struct|union|enum)\b", top)
    if not match or _has_value(head) or _words_with_arguments(top):
        return None
    names = [w for w in IDENTIFIER.findall(top[match.end():]) if not ATTRIBUTES.match(w) and w != "__packed"]
    return match.group(1), names[-1] if names else None


def _closing(code, brace):
    depth = 0
    for i in range(brace, len(code)):
        if code[i] == "{":
            depth += 1
        elif code[i] == "}":
            depth -= 1
            if depth == 0:
                return i
    return len(code) - 1


# --- the top level ------------------------------------------------------------------------------

class _Level:
    """Where the scan is; a conditional's other side begins where its first side began."""

    def __init__(self):
        self.start = self.body = self.call_end = None
        self.braces = self.parens = 0

    def copy(self):
        other = _Level()
        other.__dict__.update(self.__dict__)
        return other


def _is_function(head):
    """Whether a brace after this begins a function's body."""
    if _has_value(head) or _tag(head):
        return False
    return _invocation(head) is not None or bool(_words_with_arguments(_top(head)))


def _items(code, conditionals):
    """(start, end) of each item. `code` has no directives any more."""
    found, level, saved = [], _Level(), []
    events = iter(conditionals)
    event = next(events, None)
    for match in TOKEN.finditer(code):
        while event and event[0] <= match.start():
            word = event[1]
            if word in ("if", "ifdef", "ifndef"):
                saved.append(level.copy())
            elif word in ("else", "elif") and saved:
                level = saved[-1].copy()
            elif word == "endif" and saved:
                saved.pop()
            event = next(events, None)
        token, at = match.group(), match.start()
        outside = level.braces == 0 and level.parens == 0
        if outside and level.start is not None and level.call_end is not None:
            # A macro call that takes no semicolon ends where a new line begins something else.
            between = code[level.call_end:at]
            if token[0] not in "{};=,[(" and ("\n" in between or "\v" in between):
                found.append((level.start, level.call_end))
                level = _Level()
        if token not in "{;":
            level.call_end = None
        if outside and level.start is None:
            if token in (";", "}"):
                continue
            level.start = at
        if token in ("(", "["):
            level.parens += 1
        elif token in (")", "]"):
            level.parens = max(0, level.parens - 1)
            if (token == ")" and level.parens == 0 and level.braces == 0 and level.body is None
                    and CALL_ALONE.fullmatch(_top(code[level.start:at + 1]).strip())
                    and _invocation(code[level.start:at + 1])):
                level.call_end = at + 1
        elif token == "{":
            if outside and level.body is None:
                level.body = _is_function(code[level.start:at])
            level.braces += 1
        elif token == "}":
            level.braces = max(0, level.braces - 1)
            if level.braces == 0 and level.parens == 0 and level.body:
                found.append((level.start, at + 1))
                level = _Level()
        elif token == ";" and outside:
            found.append((level.start, at + 1))
            level = _Level()
    return found


def scan(text):
    """All definitions of a file, in their order."""
    code = blank(text)
    directives = _directives(code)
    dead = _dead(directives, len(code))
    starts = [s for s, _ in dead]

    def is_dead(position):
        i = bisect.bisect_right(starts, position) - 1
        return i >= 0 and position < dead[i][1]

    alive = [d for d in directives if not is_dead(d[0])]
    found = []
    for start, end, word, rest in alive:
        name = re.match(r"\s*(\w+)", rest)
        if word == "define" and name:
            # Bindings are made of constants, and not of what takes arguments.
            kind = "macro" if rest[name.end():name.end() + 1] == "(" else "constant"
            found.append(Definition(name.group(1), kind, text[start:end].strip("\v"), start))
    bare = _erase(code, dead + [(s, e) for s, e, _, _ in directives])
    conditionals = [(s, w) for s, _, w, _ in alive if w in ("if", "ifdef", "ifndef", "else", "elif", "endif")]
    for start, end in _items(bare, conditionals):
        found += _name_item(bare[start:end], text[start:end], start)
    return sorted(found, key=lambda d: d.start)


def named(definitions, name, kinds=None):
    """All that a file has under a name: its definitions, or if there are none, its mentions; of some kinds."""
    found = [d for d in definitions if d.name == name and (not kinds or d.kind in kinds)]
    real = [d for d in found if d.kind not in MENTIONS + (NOTE,)]
    if real:
        return [d for d in found if d.kind not in MENTIONS]
    return [d for d in found if d.kind in MENTIONS]


def guards(definitions):
    """Macros that only keep a header from being read twice."""
    return {d.name for d in definitions
            if d.kind == "constant" and re.fullmatch(r"#\s*define\s+_*[A-Z0-9_]+_H_*", d.text.strip())}
