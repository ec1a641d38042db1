using FsCheck;
using FsCheck.Fluent;
using Laptime.Foundations;
using Laptime.Recipes;
using Laptime.Recipes.Reading;

namespace Laptime.Tests.Recipes;

/// <summary>The order of published versions, and what an upgrade comes from by it.</summary>
public sealed class VersionNumberTests
{
    [Theory]
    [InlineData("1.0.0")]
    [InlineData("v1.0.0")]
    [InlineData("0.0.0")]
    [InlineData("1.2.3+4.5.6")]
    [InlineData("1.2.3+v4.5.6")]
    [InlineData("1.2.3+latest")]
    [InlineData("1.2.3+16.2-fpm_alpine")]
    [InlineData("1.2.3+2021.03.07")]
    [InlineData("1.0.0-rc.1")]
    [InlineData("1.0.0-alpha-2.x")]
    [InlineData("1.0.0-rc.1+3.12")]
    [InlineData("123456789012345678901234567890.0.1")]
    [InlineData("1.0.0+1+2")]
    public void A_version_is_read_and_written_as_it_stands(string text) => Assert.Equal(text, VersionNumber.Parse(text)!.ToString());

    [Theory]
    [InlineData("")]
    [InlineData("1")]
    [InlineData("1.0")]
    [InlineData("1.0.0.0")]
    [InlineData("01.0.0")]
    [InlineData("1.0.x")]
    [InlineData("1.0.0-")]
    [InlineData("1.0.0-rc..1")]
    [InlineData("1.0.0-01")]
    [InlineData("1.0.0+")]
    [InlineData("1.0.0+a b")]
    [InlineData("1.0.0+a/b")]
    [InlineData("-1.0.0")]
    [InlineData("--exec=x")]
    [InlineData("V1.0.0")]
    [InlineData("vv1.0.0")]
    [InlineData("release-1.0.0")]
    [InlineData("1.0.0\n")]
    [InlineData("١.٠.٠")]
    public void What_is_no_version_is_none(string text) => Assert.Null(VersionNumber.Parse(text));

    [Fact]
    public void A_text_without_end_is_no_version() => Assert.Null(VersionNumber.Parse("1.0.0+" + new string('1', 200)));

    [Fact]
    public void Versions_order_as_semantic_versioning_says_then_by_the_app_inside()
    {
        string[] sorted =
        [
            "0.1.0", "1.0.0-1", "1.0.0-2", "1.0.0-10", "1.0.0-alpha", "1.0.0-alpha.1", "1.0.0-alpha.beta", "1.0.0-beta", "1.0.0-beta.2", "1.0.0-beta.11", "1.0.0-rc.1",
            "1.0.0", "1.0.0+3.9", "1.0.0+3.10", "1.0.0+3.10.1", "1.0.0+3.11-rc1", "1.0.0+v3.12", "1.0.1+1.0", "1.2.0", "1.10.0", "2.0.0", "10.0.0", "99999999999999999999.0.0",
        ];
        Assert.Equal(sorted, sorted.Reverse().Order(StringComparer.Ordinal).Select(t => VersionNumber.Parse(t)!).Order(VersionNumber.Order).Select(v => v.Text));
    }

    private static readonly Gen<string> Words = Gen.Elements("0", "1", "2", "10", "007", "rc", "alpha", "v", "x1", "1x", "latest", "20210307", "-", "b-2");

    private static readonly Gen<string> Versions =
        from major in Gen.Choose(0, 2)
        from minor in Gen.Choose(0, 11)
        from patch in Gen.Choose(0, 2)
        from pre in Gen.OneOf(Gen.Constant(""), from w in Gen.Elements("1", "2", "10", "rc", "alpha", "rc.1", "rc.x", "a-b") select "-" + w)
        from app in Gen.OneOf(Gen.Constant(""), from a in Words from b in Words from s in Gen.Elements(".", "-", "_", "+") select $"+{a}{s}{b}")
        from v in Gen.Elements("", "v")
        select $"{v}{major}.{minor}.{patch}{pre}{app}";

    [Fact]
    public void The_order_is_total_whatever_the_versions_are() => Check.One(Config.QuickThrowOnFailure.WithMaxTest(2000), Prop.ForAll(
        (from a in Versions from b in Versions from c in Versions select (a, b, c)).ToArbitrary(),
        three =>
        {
            var (a, b, c) = (VersionNumber.Parse(three.a)!, VersionNumber.Parse(three.b)!, VersionNumber.Parse(three.c)!);
            Assert.Equal(Math.Sign(a.CompareTo(b)), -Math.Sign(b.CompareTo(a)));
            Assert.Equal(three.a == three.b, a.CompareTo(b) == 0);
            if (a.CompareTo(b) <= 0 && b.CompareTo(c) <= 0)
            {
                Assert.True(a.CompareTo(c) <= 0, $"{a} <= {b} <= {c}");
            }
        }));

    [Fact]
    public void Any_text_is_a_version_or_none_and_never_an_error() => Check.One(Config.QuickThrowOnFailure.WithMaxTest(1000), Prop.ForAll(
        ArbMap.Default.ArbFor<string>(), text => Assert.Equal(text ?? "", VersionNumber.Parse(text ?? "")?.Text ?? text ?? "")));

    private static Recipe With(string head, bool isPublished, params string[] published) => new()
    {
        Name = "kv", Kind = RecipeKind.Compose, Root = "/kv", Home = "/kv/.laptime/test", Settings = new RecipeSettings(),
        Head = new RecipeVersion(head, "c0ffee", isPublished), Published = [.. published.Select(p => new RecipeVersion(p, "c0ffee", true))],
    };

    [Theory]
    [InlineData("1.1.0", "1.0.0")]
    [InlineData("1.0.0", null)]
    [InlineData("0.9.0", null)]
    [InlineData("1.1.0-rc.1", "1.0.0")]
    [InlineData("1.1.0+3.12", "1.1.0+3.11")]
    [InlineData("2.0.0", "1.1.0+3.11")]
    [InlineData("@1a2b3c4d", "1.1.0+3.11")]
    [InlineData("working tree", "1.1.0+3.11")]
    public void The_base_is_the_newest_published_version_strictly_older_than_head(string head, string? expected)
    {
        var found = BaseVersion.Of(With(head, false, "1.0.0", "1.1.0+3.11"), null);
        Assert.Equal(expected, found.Version?.Text);
        Assert.NotEmpty(found.Reason);
    }

    [Fact]
    public void Nothing_published_is_no_base_and_says_so() => Assert.Equal((null, true), (BaseVersion.Of(With("1.0.0", false), null) is var none ? none.Version : null, none.Reason.Contains("nothing is published", StringComparison.Ordinal)));

    [Fact]
    public void A_base_that_was_asked_for_is_taken_whatever_its_place() =>
        Assert.Equal("1.1.0", BaseVersion.Of(With("1.1.0", true, "1.0.0", "1.1.0"), "1.1.0").Version!.Text);

    [Fact]
    public void A_base_that_is_not_published_is_refused_with_the_nearest_name()
    {
        var problem = Assert.Throws<LapException>(() => BaseVersion.Of(With("2.0.0", false, "1.0.0", "1.1.0"), "1.1.9")).Problems[0];
        Assert.Contains("no published version `1.1.9`", problem.What, StringComparison.Ordinal);
        Assert.Contains("1.1.0", problem.Mend!, StringComparison.Ordinal);
    }
}
