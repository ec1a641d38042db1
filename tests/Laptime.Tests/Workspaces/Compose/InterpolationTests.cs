using Laptime.Foundations;
using Laptime.Workspaces.Compose;
using FsCheck;
using FsCheck.Fluent;

namespace Laptime.Tests.Workspaces.Compose;

public sealed class InterpolationTests
{
    private static readonly SourceLocation At = new("compose.yml", 1, 1);

    private static string? Lookup(string name) => name switch { "A" => "one", "B" => "two words", "EMPTY" => "", "_x9" => "under", "DOLLAR" => "$A", _ => null };

    private static string Replace(string text) => new Interpolation(Lookup).Replace(text, At);

    [Theory]
    [InlineData("plain", "plain")]
    [InlineData("", "")]
    [InlineData("$A", "one")]
    [InlineData("${A}", "one")]
    [InlineData("x$A-y", "xone-y")]
    [InlineData("$A$B", "onetwo words")]
    [InlineData("${A}${A}", "oneone")]
    [InlineData("$_x9", "under")]
    [InlineData("$A.b", "one.b")]
    [InlineData("$$", "$")]
    [InlineData("$$A", "$A")]
    [InlineData("$$$A", "$one")]
    [InlineData("$${A}", "${A}")]
    [InlineData("a$$b$$c", "a$b$c")]
    [InlineData("$UNSET", "")]
    [InlineData("${UNSET}", "")]
    [InlineData("$EMPTY", "")]
    [InlineData("${A:-d}", "one")]
    [InlineData("${A-d}", "one")]
    [InlineData("${UNSET:-d}", "d")]
    [InlineData("${UNSET-d}", "d")]
    [InlineData("${EMPTY:-d}", "d")]
    [InlineData("${EMPTY-d}", "")]
    [InlineData("${UNSET:-}", "")]
    [InlineData("${UNSET-}", "")]
    [InlineData("${UNSET:-a:b/c?d}", "a:b/c?d")]
    [InlineData("${UNSET:-${A}}", "one")]
    [InlineData("${UNSET:-$A}", "one")]
    [InlineData("${UNSET:-${ALSO:-${B}}}", "two words")]
    [InlineData("${UNSET:-x${A}y${B}z}", "xoneytwo wordsz")]
    [InlineData("${UNSET:-$$}", "$")]
    [InlineData("${A:+alt}", "alt")]
    [InlineData("${A+alt}", "alt")]
    [InlineData("${EMPTY:+alt}", "")]
    [InlineData("${EMPTY+alt}", "alt")]
    [InlineData("${UNSET:+alt}", "")]
    [InlineData("${UNSET+alt}", "")]
    [InlineData("${A:+${B}}", "two words")]
    [InlineData("${A:?must}", "one")]
    [InlineData("${A?must}", "one")]
    [InlineData("${EMPTY?must}", "")]
    [InlineData("$DOLLAR", "$A")]
    [InlineData("${UNSET:--1}", "-1")]
    [InlineData("http://${A}:80/", "http://one:80/")]
    [InlineData("é${A}ü", "éoneü")]
    public void Variables_are_replaced_as_compose_replaces_them(string text, string expected) => Assert.Equal(expected, Replace(text));

    [Theory]
    [InlineData("$", "stands at the end")]
    [InlineData("a$", "stands at the end")]
    [InlineData("$1", "`$1` is not a variable")]
    [InlineData("$-", "`$-` is not a variable")]
    [InlineData("$ A", "is not a variable")]
    [InlineData("${", "is not closed")]
    [InlineData("${A", "is not closed")]
    [InlineData("${A:-${B}", "is not closed")]
    [InlineData("${}", "has no name")]
    [InlineData("${1A}", "is not a variable")]
    [InlineData("${A!}", "after the name comes")]
    [InlineData("${A:}", "after the name comes")]
    [InlineData("${A:=x}", "after the name comes")]
    [InlineData("${ A }", "is not a variable")]
    public void What_is_no_variable_is_told(string text, string what) => Assert.Contains(what, Assert.Throws<FormatException>(() => Replace(text)).Message);

    [Theory]
    [InlineData("${UNSET:?set it in CI}", "`UNSET` is required: set it in CI")]
    [InlineData("${UNSET?}", "`UNSET` is required and not set")]
    [InlineData("${EMPTY:?no}", "`EMPTY` is required: no")]
    [InlineData("${UNSET?ask $A}", "ask one")]
    public void A_required_variable_that_is_not_set_is_told_with_its_own_words(string text, string what) =>
        Assert.Contains(what, Assert.Throws<Interpolation.RequiredException>(() => Replace(text)).Message);

    [Fact]
    public void Variables_that_are_not_set_are_remembered_with_their_first_place_but_not_those_with_a_default()
    {
        var interpolation = new Interpolation(Lookup);
        interpolation.Replace("$X ${Y:-1} $A", At);
        interpolation.Replace("$X", At with { Line = 9 });
        Assert.Equal(("X", 1), (interpolation.Unset.Single().Key, interpolation.Unset.Single().Value.Line));
        Assert.Equal(["A", "X", "Y"], interpolation.Asked);
    }

    [Fact]
    public void A_text_with_its_dollars_doubled_comes_out_as_it_was() => Check.QuickThrowOnFailure(Prop.ForAll(
        ArbMap.Default.ArbFor<string>().Filter(static s => s is not null), text => Replace(text.Replace("$", "$$")) == text));

    [Fact]
    public void Defaults_that_nest_without_end_are_refused() =>
        Assert.Contains("deeper", Assert.Throws<FormatException>(() => Replace(string.Concat(Enumerable.Repeat("${U:-", 40)) + "x" + new string('}', 40))).Message);
}
