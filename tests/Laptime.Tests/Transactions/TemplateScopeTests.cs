using Laptime.Foundations;
using Laptime.Tests.Planning;
using Laptime.Transactions;
using Laptime.Workspaces;
using TemplateScope = Laptime.Transactions.TemplateScope;

namespace Laptime.Tests.Transactions;

public sealed class TemplateScopeTests
{
    private static readonly Profile Fast = new("fast", new Dictionary<string, string> { ["configuration"] = "Debug" }, null);

    private static Component Component(string name, string command, string? step = null, string? probe = null) => Given.Component(name) with
    {
        Run = Given.Run(command) with { Port = 8080 },
        Build = new BuildSettings { Steps = step is null ? [] : [Given.Step("s") with { Run = new CommandLine.Exec([Given.Text(step)]) }] },
        Probes = probe is null ? new ProbeSettings() : new ProbeSettings
        {
            Smoke = [new Probe { Form = new ProbeForm.Http(Given.Text("/"), null, null, new Dictionary<string, Template> { ["Authorization"] = Given.Text(probe) }), At = Given.At }],
        },
    };

    private static TemplateScope Scope(Profile? profile, Dictionary<string, string> environment, params Component[] components) =>
        new(Given.Workspace(components), Given.Local, profile, environment.GetValueOrDefault);

    [Fact]
    public void Everything_that_is_missing_is_told_together_wherever_it_is_used()
    {
        var mistake = Assert.Throws<LapException>(() => Scope(
            Fast, new() { ["SET"] = "" }, Component("a", "${env.ONE} ${env.ONE} ${env.SET}", "${profile.configuratio}"), Component("b", "x", "${env.TWO}", "${env.THREE}")));
        Assert.Equal(
            ["ONE", "configuratio", "TWO", "THREE"], mistake.Problems.Select(p => p.What.Split("${")[1].Split('}')[0].Split('.')[1]));
        Assert.Equal("export ONE=...", mistake.Problems[0].Mend);
        Assert.Contains("configuration", mistake.Problems[1].Mend, StringComparison.Ordinal);
        Assert.All(mistake.Problems, p => Assert.Equal(Given.At.ToString(), p.Where));
    }

    [Fact]
    public void A_profile_variable_without_a_profile_says_how_to_get_one()
    {
        var problem = Assert.Throws<LapException>(() => Scope(null, [], Component("a", "x", "${profile.configuration}"))).Problems.Single();
        Assert.Contains("environment local has no profile", problem.What, StringComparison.Ordinal);
        Assert.Contains("--profile", problem.Mend, StringComparison.Ordinal);
    }

    [Fact]
    public void What_is_read_from_the_environment_is_secret_and_only_that()
    {
        var scope = Scope(Fast, new() { ["TOKEN"] = "s3cret", ["SHORT"] = "ab", ["OTHER"] = "not used" }, Component("a", "${env.TOKEN} ${env.SHORT} ${profile.configuration}"));
        Assert.Equal(["s3cret"], scope.Secrets);
        Assert.Equal(["SHORT", "TOKEN"], scope.Variables.Order());
    }

    [Theory]
    [InlineData("workspace.name", "shop")]
    [InlineData("environment", "local")]
    [InlineData("component", "a")]
    [InlineData("env.TOKEN", "s3cret")]
    [InlineData("profile.configuration", "Debug")]
    [InlineData("components.b.port", "8080")]
    [InlineData("components.lib.port", null)]
    [InlineData("components.none.port", null)]
    [InlineData("profile.none", null)]
    [InlineData("port", null)]
    [InlineData("revision", null)]
    [InlineData("transaction", null)]
    public void Names_have_their_values_before_a_rollout(string name, string? value)
    {
        var a = Component("a", "${env.TOKEN}");
        var scope = Scope(Fast, new() { ["TOKEN"] = "s3cret" }, a, Component("b", "x"), Given.Component("lib", runs: false));
        Assert.Equal(value, scope.For(a)(name));
        Assert.Equal(name switch { "revision" => "a@1", "transaction" => "tx-1", _ => value }, scope.For(a, "a@1", "tx-1")(name));
    }

    [Fact]
    public void Every_template_of_a_component_is_found()
    {
        var full = Given.Component("a") with
        {
            Build = new BuildSettings
            {
                Steps =
                [
                    Given.Step("s") with
                    {
                        Run = new CommandLine.Exec([Given.Text("1"), Given.Text("2")]), Tool = new CommandLine.Shell(Given.Text("3")),
                        Env = new Dictionary<string, Template> { ["E"] = Given.Text("4") },
                    },
                ],
            },
            Run = Given.Run("5") with { Env = new Dictionary<string, Template> { ["E"] = Given.Text("6") } },
            Probes = new ProbeSettings
            {
                Live = Probe(new ProbeForm.Tcp(1)),
                Ready = Probe(new ProbeForm.Http(Given.Text("7"), null, Given.Text("8"), new Dictionary<string, Template> { ["H"] = Given.Text("9") })),
                Smoke = [Probe(new ProbeForm.Run(new CommandLine.Shell(Given.Text("A")), Given.Text("B"))), Probe(new ProbeForm.Run(new CommandLine.Exec([Given.Text("C")]), null))],
                Reflect = Probe(new ProbeForm.File(Given.Text("D"), Given.Text("E"))),
            },
        };
        Assert.Equal("123456789ABCDE", string.Concat(TemplateScope.Templates(full).Select(t => t.Source).Order(StringComparer.Ordinal)));
    }

    private static Probe Probe(ProbeForm form) => new() { Form = form, At = Given.At };
}
