# SPDX-License-Identifier: GPL-2.0
import unittest

import csource

ARITHMETIC = """\
static int f(int a)
{
	return a + 1;	/* one more */
}
"""


def kinds(text):
    return [(d.kind, d.name) for d in csource.scan(text)]


def text_of(text, name, kinds=None):
    return [d.text for d in csource.named(csource.scan(text), name, kinds)]


def digest(text, name):
    return csource.digest(csource.named(csource.scan(text), name))


class TestCut(unittest.TestCase):
    """What a definition is, where it begins and where it ends."""

    def test_functions(self):
        text = ARITHMETIC + "\n/* About g. */\nvoid g(void)\n{\n}\n"
        self.assertEqual(kinds(text), [("function", "f"), ("function", "g")])
        self.assertEqual(text_of(text, "g"), ["void g(void)\n{\n}"])
        self.assertEqual(text_of(text, "f"), [ARITHMETIC.rstrip()])

    def test_braces_in_strings_and_comments(self):
        text = """\
static void f(void)
{
	pr_info("}{ \\" } // no comment %c", '}');	/* } */
	// }
	g('{', '\\'', "*/");
}
static int after;
"""
        self.assertEqual(kinds(text), [("function", "f"), ("variable", "after")])
        self.assertIn("'\\''", text_of(text, "f")[0])

    def test_macros(self):
        text = """\
#define ONE 1
#define assign(_pred, _bit)	\\
	do {			\\
		if (_pred)	\\
			x(_bit);	\\
	} while (0)
#define WITH_COMMENT (1 /* a
	comment that goes on */ + 2)
int after(void);
"""
        self.assertEqual(kinds(text), [("constant", "ONE"), ("macro", "assign"), ("constant", "WITH_COMMENT"),
                                       ("prototype", "after")])
        self.assertTrue(text_of(text, "assign")[0].endswith("while (0)"))
        self.assertTrue(text_of(text, "WITH_COMMENT")[0].endswith("+ 2)"))

    def test_space_after_the_name_counts(self):
        self.assertNotEqual(digest("#define f(x) 1\n", "f"), digest("#define f (x) 1\n", "f"))
        self.assertEqual(digest("#define  f(x)\t\\\n 1\n", "f"), digest("#define f(x) 1\n", "f"))

    def test_conditionals_in_a_function(self):
        text = """\
static int f(void)
{
#ifdef CONFIG_A
	if (a()) {
#else
	if (b()) {
#endif
		c();
	}
	return 0;
}
static int after(void)
{
	return 1;
}
"""
        self.assertEqual(kinds(text), [("function", "f"), ("function", "after")])
        self.assertIn("CONFIG_A", text_of(text, "f")[0])
        other = text.replace("b()", "bb()")
        self.assertNotEqual(digest(text, "f"), digest(other, "f"))
        self.assertEqual(digest(text, "after"), digest(other, "after"))

    def test_both_sides_of_a_conditional(self):
        text = """\
#ifdef CONFIG_A
int f(void);
#else
static inline int f(void) { return 0; }
#endif
#if defined(X)
static int g(int a)
#else
static int g(long a)
#endif
{
	return 1;
}
"""
        self.assertEqual(kinds(text), [("prototype", "f"), ("function", "f"), ("function", "g")])
        self.assertEqual(text_of(text, "f"), ["static inline int f(void) { return 0; }"])

    def test_assembly_and_if_0_are_no_c(self):
        text = """\
#ifdef __ASSEMBLER__
.macro m reg
	ldr \\reg, [x0]	// it's
.endm
#define IN_ASSEMBLY 1
#else
int f(void);
#endif
#ifndef __ASSEMBLY__
int g(void);
#else
.macro n
#endif
#if 0
int h(void) {
#endif
int i(void);
"""
        self.assertEqual([n for _, n in kinds(text)], ["f", "g", "i"])

    def test_attributes(self):
        text = """\
static __always_inline __must_check bool a(struct kvm *kvm)
	__must_hold(&kvm->lock)
{
	return true;
}
static inline __printf(1, 2) int b(const char *f, ...) { return 0; }
__attribute__((noreturn)) void c(int x);
int __init __section(".init") d(void) { return 0; }
static void __hyp_text __e(void) { }
struct s { int x; } __packed __aligned(8);
static int array[4] __ro_after_init;
extern int many(int) __attribute__((format(printf, 1, 2))) __cold;
int __cond_resched(void)
{
	return 0;
}
"""
        self.assertEqual(kinds(text), [("function", "a"), ("function", "b"), ("prototype", "c"), ("function", "d"),
                                       ("function", "__e"), ("struct", "s"), ("variable", "array"),
                                       ("prototype", "many"), ("function", "__cond_resched")])

    def test_type_and_name_on_two_lines(self):
        text = """\
static const struct foo *
find_foo(struct kvm_vcpu *vcpu,
	 int index)
{
	return NULL;
}
unsigned long
later(void);
"""
        self.assertEqual(kinds(text), [("function", "find_foo"), ("prototype", "later")])
        self.assertTrue(text_of(text, "find_foo")[0].startswith("static const struct foo *\n"))

    def test_macros_that_define(self):
        text = """\
static DEFINE_STATIC_KEY_FALSE(has_state);
DEFINE_STATIC_KEY_FALSE(broken_key);
DECLARE_STATIC_KEY_FALSE(declared_key);
DEFINE_PER_CPU(struct kvm_host_data, kvm_host_data);
TRACE_EVENT(kvm_entry,
	TP_PROTO(unsigned long pc),
	TP_fast_assign(
		__entry->pc = pc; if (pc) { }
	),
	TP_printk("PC: %lx }", __entry->pc)
);
static int f(void)
{
	return 0;
}
NOKPROBE_SYMBOL(f);
SYSCALL_DEFINE1(close, unsigned int, fd)
{
	return 0;
}
DEFINE_WITHOUT_SEMICOLON(a, b)

static int after(void) { return 0; }
"""
        found = kinds(text)
        for want in (("object", "has_state"), ("object", "broken_key"), ("declaration", "declared_key"),
                     ("object", "kvm_host_data"), ("object", "kvm_entry"), ("function", "f"),
                     ("function", "close"), ("function", "after")):
            self.assertIn(want, found)
        # What is said about a function is part of it.
        self.assertEqual(len(text_of(text, "f")), 2)
        self.assertNotEqual(digest(text, "f"), digest(text.replace("NOKPROBE_SYMBOL(f);\n", ""), "f"))

    def test_types(self):
        text = """\
struct forward;
struct outer {
	union {
		struct { u8 a; };
		u16 b;
	};
	struct inner { int x; } in[4];
	int (*call)(void);
#define FLAG 0
};
enum colour { RED, GREEN = 1 << 4, VNCR(BLUE), };
enum { ANONYMOUS, };
typedef struct { int v; } atomic_like_t;
typedef bool (*handler_fn)(struct outer *, u64 *);
typedef s64 time_like_t;
struct outer *make(void) { return NULL; }
extern struct outer global[];
static struct outer table[] = {
	{ .in = { { 1 } } },
	[2] = { },
}, *second = table;
"""
        found = kinds(text)
        for want in (("struct", "outer"), ("constant", "FLAG"), ("enum", "colour"), ("enumerator", "GREEN"),
                     ("enumerator", "BLUE"), ("enumerator", "ANONYMOUS"), ("typedef", "atomic_like_t"),
                     ("typedef", "handler_fn"), ("typedef", "time_like_t"), ("function", "make"),
                     ("declaration", "global"), ("variable", "table")):
            self.assertIn(want, found)
        self.assertNotIn("forward", [n for _, n in found])
        self.assertNotIn("in", [n for _, n in found])
        self.assertTrue(text_of(text, "outer")[0].endswith("\n};"))

    def test_prototype_and_definition(self):
        text = "static int f(int a);\nint only(void);\n" + ARITHMETIC
        self.assertEqual(kinds(text), [("prototype", "f"), ("prototype", "only"), ("function", "f")])
        self.assertEqual(len(text_of(text, "f")), 1)
        self.assertEqual(digest(text, "f"), digest(ARITHMETIC, "f"))
        self.assertEqual(text_of(text, "f", csource.MENTIONS), ["static int f(int a);"])
        self.assertEqual(text_of(text, "only"), ["int only(void);"])

    def test_variables(self):
        self.assertEqual(kinds("static struct timecounter *timecounter;\nstatic u32 a, b = 2;\n"
                               "static const u8 ppi[] = {\n\t[A] = 30,\n};\nint (*hook)(int);\n"),
                         [("variable", "timecounter"), ("variable", "a"), ("variable", "b"), ("variable", "ppi"),
                          ("variable", "hook")])

    def test_guards(self):
        text = "#ifndef __FOO_H__\n#define __FOO_H__\n#define FOO 1\n#endif\n"
        self.assertEqual(csource.guards(csource.scan(text)), {"__FOO_H__"})

    def test_unclosed(self):
        # Whatever is thrown at it, it comes back.
        for text in ("int f(void) {", "}}}", "/* ", '"', "#if\n#else", "#define", "(((", "struct {"):
            csource.scan(text)


class TestDigest(unittest.TestCase):
    def changed(self, old, new):
        self.assertIn(old, ARITHMETIC)
        return digest(ARITHMETIC, "f") != digest(ARITHMETIC.replace(old, new), "f")

    def test_layout_and_comments_do_not_count(self):
        self.assertFalse(self.changed("a + 1", "a\n\t\t+  1"))
        self.assertFalse(self.changed("one more", "two less"))
        self.assertFalse(self.changed("	/* one more */", ""))
        self.assertFalse(self.changed("(int a)\n{", "(int a) {"))

    def test_all_else_does(self):
        self.assertTrue(self.changed("a + 1", "a + 2"))
        self.assertTrue(self.changed("a + 1", "a - 1"))
        self.assertTrue(self.changed("static ", ""))
        self.assertTrue(self.changed("int a", "long a"))
        self.assertTrue(self.changed("return", "re turn"))
        self.assertNotEqual(digest("#define f(a, b) a - -b\n", "f"), digest("#define f(a, b) a--b\n", "f"))
        self.assertTrue(self.changed("return a", "#ifdef X\n\treturn a"))

    def test_white_space_in_strings_counts(self):
        one = 'void f(void) { g("a  b"); }'
        self.assertNotEqual(digest(one, "f"), digest(one.replace("a  b", "a b"), "f"))
        self.assertEqual(digest(one, "f"), digest(one.replace('("a', '( "a'), "f"))

    def test_order_of_strings(self):
        one = 'void f(void) { g("a", "b"); }'
        self.assertNotEqual(digest(one, "f"), digest('void f(void) { g("b", "a"); }', "f"))

    def test_directive_is_no_expression(self):
        one = "void f(void) {\n#if A\n\tg();\n#endif\n}"
        self.assertNotEqual(digest(one, "f"), digest(one.replace("A\n\tg", "A g"), "f"))


if __name__ == "__main__":
    unittest.main()
