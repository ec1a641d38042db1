using FsCheck;
using FsCheck.Fluent;
using Laptime.Fingerprints;
using Laptime.Planning;
using Laptime.Workspaces;

namespace Laptime.Tests.Planning;

public sealed class DeploymentKeyTests
{
    private static readonly Digest Artifact = Digest.Of("artifact");

    private static IReadOnlyDictionary<string, string> SettingsOf(RunSettings run, Func<string, string?>? names = null) =>
        DeploymentKey.SettingsOf(Given.Component("app") with { Run = run }, names ?? (name => name.StartsWith("env.", StringComparison.Ordinal) ? "s3cret" : null));

    private static Digest KeyOf(RunSettings run, Func<string, string?>? names = null) => DeploymentKey.Of(Artifact, SettingsOf(run, names));

    private static RunSettings Exec(params string[] arguments) => new() { Command = new CommandLine.Exec([.. arguments.Select(Given.Text)]) };

    [Fact]
    public void The_order_of_settings_is_of_no_importance() => Check.One(
        Config.QuickThrowOnFailure,
        Prop.ForAll(ArbMap.Default.ArbFor<Dictionary<int, int>>(), settings =>
        {
            var texts = settings.Select(s => KeyValuePair.Create($"{s.Key}", $"{s.Value}")).ToList();
            Assert.Equal(DeploymentKey.Of(Artifact, new Dictionary<string, string>(texts)), DeploymentKey.Of(Artifact, new Dictionary<string, string>(Enumerable.Reverse(texts))));
        }));

    [Fact]
    public void Different_settings_have_different_keys_wherever_the_borders_lie() => Check.One(
        Config.QuickThrowOnFailure,
        Prop.ForAll(ArbMap.Default.ArbFor<NonNull<string>[]>(), ArbMap.Default.ArbFor<NonNull<string>[]>(), (a, b) =>
        {
            // Few characters, so that lists of texts which run together to the same text are common.
            string[] Words(NonNull<string>[] from) => [.. from.Select(t => new string([.. t.Get.Take(3).Select(c => "ab"[c % 2])]))];
            var (left, right) = (Words(a), Words(b));
            Assert.Equal(left.SequenceEqual(right), KeyOf(Exec(left)) == KeyOf(Exec(right)));
        }));

    public static TheoryData<RunSettings, RunSettings> Pairs => new()
    {
        { Exec("ab", "c"), Exec("a", "bc") },
        { Exec(), Exec("") },
        { Exec("a"), Given.Run("a") },
        { Given.Run("a"), Given.Run("a") with { Port = 80 } },
        { Given.Run("a"), Given.Run("a") with { Replicas = 2 } },
        { Given.Run("a"), Given.Run("a") with { StopGrace = TimeSpan.FromSeconds(30) } },
        { Given.Run("a"), Given.Run("a") with { Drain = TimeSpan.Zero } },
        { Env("A", "1"), Env("A", "2") },
        { Env("A", "1"), Env("A1", "") },
        { Given.Run("a"), Env("A", "") },
        { Given.Run("serve ${port}"), Given.Run("serve $${port}") },
        { Given.Run("serve ${port}"), Given.Run("serve ${revision}") },
    };

    private static RunSettings Env(string name, string value) => Given.Run("a") with { Env = new Dictionary<string, Template> { [name] = Given.Text(value) } };

    [Theory, MemberData(nameof(Pairs), DisableDiscoveryEnumeration = true)]
    public void What_runs_differently_has_another_key(RunSettings a, RunSettings b) => Assert.NotEqual(KeyOf(a), KeyOf(b));

    [Fact]
    public void The_artifact_decides_too() =>
        Assert.NotEqual(DeploymentKey.Of(Artifact, Given.Settings()), DeploymentKey.Of(Digest.Of("other"), Given.Settings()));

    [Fact]
    public void Port_revision_and_transaction_are_never_asked_for_so_that_they_never_change_the_key()
    {
        var run = Given.Run("serve ${port} ${revision} ${transaction} ${env.TOKEN}");
        var asked = new List<string>();
        var key = KeyOf(run, name =>
        {
            asked.Add(name);
            return "x";
        });
        Assert.Equal(["env.TOKEN"], asked);
        Assert.NotEqual(key, KeyOf(run, _ => "y"));
    }

    [Fact]
    public void No_value_stands_in_the_settings_and_equal_values_do_not_show_as_equal()
    {
        var settings = SettingsOf(Given.Run("serve ${env.TOKEN}") with { Env = new Dictionary<string, Template> { ["A"] = Given.Text("${env.TOKEN}"), ["B"] = Given.Text("${env.TOKEN}") } });
        Assert.Equal(["command", "drain", "env.A", "env.B", "port", "replicas", "stop-grace"], settings.Keys.Order(StringComparer.Ordinal));
        Assert.All(settings.Values, v => Assert.Matches("^[0-9a-f]{64}$", v));
        Assert.NotEqual(settings["env.A"], settings["env.B"]);
        Assert.DoesNotContain(Digest.Of("s3cret").ToHex(), settings.Values);
    }

    [Fact]
    public void What_does_not_run_has_no_settings() => Assert.Empty(DeploymentKey.SettingsOf(Given.Component("lib", runs: false), _ => null));
}
