using Laptime.Foundations;
using Laptime.Measurement;

namespace Laptime.Tests.Measurement;

public sealed class RaceSideTests
{
    [Fact]
    public void A_side_is_a_revision_the_working_tree_or_a_setting()
    {
        Assert.Equal("main", Assert.IsType<RaceSide.Revision>(RaceSide.Parse("main")).Name);
        Assert.Equal("HEAD~2", Assert.IsType<RaceSide.Revision>(RaceSide.Parse("HEAD~2")).Name);
        Assert.Equal("feature/x=y", Assert.IsType<RaceSide.Revision>(RaceSide.Parse("feature/x=y")).Name);
        Assert.IsType<RaceSide.WorkingTree>(RaceSide.Parse("."));
        Assert.Equal("release", Assert.IsType<RaceSide.Profile>(RaceSide.Parse("profile:release")).Name);
        Assert.Equal("local", Assert.IsType<RaceSide.InEnvironment>(RaceSide.Parse("env:local")).Name);
        var variable = Assert.IsType<RaceSide.Variable>(RaceSide.Parse("var:FLAGS=-p:A=B c:d"));
        Assert.Equal(("FLAGS", "-p:A=B c:d"), (variable.Name, variable.Value));
        Assert.Equal("", Assert.IsType<RaceSide.Variable>(RaceSide.Parse("var:FLAGS=")).Value);
    }

    [Theory]
    [InlineData("", "a git revision")]
    [InlineData("-x", "a git revision")]
    [InlineData("profil:fast", "did you mean profile:fast?")]
    [InlineData("HEAD:src", "a side is a git revision")]
    [InlineData("profile:", "write profile:NAME")]
    [InlineData("var:NAME", "write var:NAME=VALUE")]
    [InlineData("var:=x", "write var:NAME=VALUE")]
    public void What_is_no_side_says_how_one_is_written(string text, string cure) =>
        Assert.Contains(cure, Assert.Throws<LapException>(() => RaceSide.Parse(text)).Problems[0].Mend, StringComparison.Ordinal);

    [Theory]
    [InlineData("main", "feature")]
    [InlineData("main", "main")]
    [InlineData("main", ".")]
    [InlineData(".", "profile:release")]
    [InlineData("profile:fast", "profile:release")]
    [InlineData("var:A=1", "var:A=2")]
    public void One_thing_may_differ(string a, string b) => RaceSide.Check(RaceSide.Parse(a), RaceSide.Parse(b));

    [Theory]
    [InlineData("main", "profile:release", "two things at once")]
    [InlineData("env:local", "main", "two things at once")]
    [InlineData("env:local", "profile:release", "two settings at once")]
    [InlineData("var:A=1", "var:B=1", "two variables at once")]
    public void More_than_one_thing_may_not(string a, string b, string why) =>
        Assert.Contains(why, Assert.Throws<LapException>(() => RaceSide.Check(RaceSide.Parse(a), RaceSide.Parse(b))).Message, StringComparison.Ordinal);
}
