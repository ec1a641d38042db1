using Laptime.Fingerprints;
using Laptime.Foundations;

namespace Laptime.Tests.Fingerprints;

public sealed class InputPatternsTests
{
    [Theory]
    [InlineData("", "**", "a", true)]
    [InlineData("", "**", "a/b/.c", true)]
    [InlineData("", "**", "../a", false)]
    [InlineData("src/a", "**", "src/a/x", true)]
    [InlineData("src/a", "**", "src/ab/x", false)]
    [InlineData("src/a", "*.cs", "src/a/x.cs", true)]
    [InlineData("src/a", "*.cs", "src/a/b/x.cs", false)]
    [InlineData("src/a", "**/*.cs", "src/a/x.cs", true)]
    [InlineData("src/a", "**/*.cs", "src/a/b/c/x.cs", true)]
    [InlineData("src/a", "../../proto/**", "proto/x/y", true)]
    [InlineData("src/a", "../../../shared/**", "../shared/x", true)]
    [InlineData("src/a", "../../../shared/**", "shared/x", false)]
    [InlineData("src/a", "lib", "src/a/lib/deep/x", true)]
    [InlineData("src/a", "./lib/", "src/a/lib/x", true)]
    [InlineData("src/a", "lib", "src/a/library", false)]
    [InlineData("", "{a,b}/*.{c,h}", "b/x.h", true)]
    [InlineData("", "{a,b}/*.{c,h}", "c/x.h", false)]
    [InlineData("", "x{a}", "x{a}", true)]
    [InlineData("", "?[0-9]", "a7", true)]
    [InlineData("", "?[!0-9]", "a7", false)]
    [InlineData("", "a/**/z", "a/z", true)]
    [InlineData("", "a/**/z", "a/b/c/z", true)]
    [InlineData("", "a/**/z", "a/b/c/y", false)]
    [InlineData("", "a*b*c", "axxbyyc", true)]
    [InlineData("", "A", "a", false)]
    [InlineData("", "..", "../x", true)]
    public void One_pattern(string path, string pattern, string file, bool matches) =>
        Assert.Equal(matches, InputPatterns.Compile(path, [pattern]).Matches(file));

    [Fact]
    public void The_last_pattern_that_matches_decides()
    {
        var patterns = InputPatterns.Compile("", ["**", "!docs", "docs/keep.md", "!**/*.tmp"]);
        Assert.True(patterns.Matches("a"));
        Assert.False(patterns.Matches("docs/a/b"));
        Assert.True(patterns.Matches("docs/keep.md"));
        Assert.False(patterns.Matches("x/y.tmp"));
    }

    [Theory]
    [InlineData("/etc/passwd")]
    [InlineData("")]
    [InlineData("!")]
    [InlineData("C:/x")]
    [InlineData("*/../x")]
    [InlineData("a\\b")]
    public void A_wrong_pattern_is_a_problem(string pattern) =>
        Assert.Contains(pattern, Assert.Throws<LapException>(() => InputPatterns.Compile("app", [pattern])).Problems.Single().What, StringComparison.Ordinal);

    [Fact]
    public void A_pattern_bomb_is_refused() =>
        Assert.Throws<LapException>(() => InputPatterns.Compile("", [string.Concat(Enumerable.Repeat("{a,b}", 40))]));

    [Theory]
    [InlineData("src/a", "**;../../proto/**", "proto;src/a")]
    [InlineData("src/a", "../**;**", "src")]
    [InlineData("", "*.c", "")]
    [InlineData("", "a/b.txt", "a")]
    [InlineData("a", "../../x/**;**", "../x;a")]
    [InlineData("a", "../..", "..")]
    public void Walks_begin_at_literal_folders(string path, string patterns, string roots) =>
        Assert.Equal(roots, string.Join(';', InputPatterns.Compile(path, patterns.Split(';')).Roots));

    [Fact]
    public void Only_folders_that_can_hold_a_match_are_walked()
    {
        var patterns = InputPatterns.Compile("", ["shared.proto", "src/*/x/*.c"]);
        Assert.False(patterns.MayMatchBelow("node_modules"));
        Assert.True(patterns.MayMatchBelow("src"));
        Assert.True(patterns.MayMatchBelow("src/q"));
        Assert.True(patterns.MayMatchBelow("src/q/x"));
        Assert.False(patterns.MayMatchBelow("src/q/y"));
    }
}
