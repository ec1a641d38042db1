using System.CommandLine;
using Laptime.Cli;
using Laptime.Cli.Commands;
using Laptime.Foundations;

namespace Laptime.Tests.Cli;

/// <summary>The environment is the whole process's: nothing runs beside these.</summary>
[CollectionDefinition(nameof(TwinsOfFlags), DisableParallelization = true)]
public sealed class TwinsOfFlags;

[Collection(nameof(TwinsOfFlags))]
public sealed class FlagTests
{
    private static T? With<T>(Option<T> option, string? twin, params string[] arguments)
    {
        var name = Twin(option);
        System.Environment.SetEnvironmentVariable(name, twin);
        try
        {
            var result = new RootCommand { option }.Parse(arguments);
            Assert.Empty(result.Errors);
            return option is Option<TimeSpan?> time ? (T)(object)Flag.TimeOf(result, time, TimeSpan.FromMinutes(1)) : result.GetValue(option);
        }
        finally
        {
            System.Environment.SetEnvironmentVariable(name, null);
        }
    }

    private static string Twin(Option option) => "LAP_" + option.Name.TrimStart('-').Replace('-', '_').ToUpperInvariant();

    private static readonly Option<bool> Switch = Flag.Switch("--test-switch", "", "-s");
    private static readonly Option<string?> Text = Flag.Text("--test-text", "", "TEXT");
    private static readonly Option<string> Choice = Flag.Choice("--test-choice", "", "auto", ["auto", "plain"], "-c");
    private static readonly Option<TimeSpan?> Time = Flag.Time("--test-time", "", TimeSpan.FromMinutes(1));
    private static readonly Option<int> Number = Flag.Number("--test-number", "", 4, 1);

    [Theory]
    [InlineData("1", true)]
    [InlineData("true", true)]
    [InlineData("yes", true)]
    [InlineData("on", true)]
    [InlineData("0", false)]
    [InlineData("false", false)]
    [InlineData("no", false)]
    [InlineData("off", false)]
    [InlineData("", false)]
    [InlineData(null, false)]
    public void A_switch_has_a_twin(string? twin, bool value) => Assert.Equal(value, With(Switch, twin));

    [Fact]
    public void Every_kind_of_flag_has_its_standard_its_twin_and_the_command_line_wins()
    {
        Assert.Equal((null, "a", "b"), (With(Text, null), With(Text, "a"), With(Text, "a", "--test-text", "b")));
        Assert.Equal(("auto", "plain", "auto"), (With(Choice, null), With(Choice, "plain"), With(Choice, "plain", "-c", "auto")));
        Assert.Equal(
            (TimeSpan.FromMinutes(1), TimeSpan.FromSeconds(30), TimeSpan.FromMinutes(2)), (With(Time, null), With(Time, "30s"), With(Time, "30s", "--test-time", "2m")));
        Assert.Equal((4, 8, 2), (With(Number, null), With(Number, "8"), With(Number, "8", "--test-number", "2")));
        Assert.True(With(Switch, "0", "-s"));
    }

    [Fact]
    public void A_bad_twin_is_named_with_what_it_may_be()
    {
        Bad(Switch, "maybe", "use 1 or 0");
        Bad(Choice, "fancy", "use auto, plain");
        Bad(Time, "30", "use a duration such as 30s or 2m");
        Bad(Number, "0", "use a number from 1");
        Bad(Number, "many", "use a number from 1");
    }

    private static void Bad<T>(Option<T> option, string twin, string mend)
    {
        var problem = Assert.Throws<LapException>(() => With(option, twin)).Problems.Single();
        Assert.Equal((Twin(option), mend), (problem.Where, problem.Mend));
        Assert.Contains(twin, problem.What, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("--test-choice", "fancy")]
    [InlineData("--test-time", "30")]
    [InlineData("--test-number", "0")]
    [InlineData("--test-number", "many")]
    public void A_bad_value_on_the_command_line_is_an_error(string name, string value) =>
        Assert.NotEmpty(new RootCommand { Choice, Time, Number }.Parse([name, value]).Errors);

    /// <summary>The contract: every flag has an environment twin. A flag made by hand would not ask for it.</summary>
    [Fact]
    public void Every_flag_of_every_command_has_a_twin()
    {
        var options = Commands(Program.Root()).SelectMany(c => c.Options).Distinct().Where(o => o.Name is not ("--help" or "--version")).ToList();
        Assert.True(options.Count > 15);
        Assert.All(options, option => Assert.True(AsksForItsTwin(option), $"{option.Name} does not ask for {Twin(option)}"));
    }

    /// <summary>A text takes what stands there, everything else refuses it by name.</summary>
    private static bool AsksForItsTwin(Option option)
    {
        const string odd = "\u0001 odd";
        System.Environment.SetEnvironmentVariable(Twin(option), odd);
        try
        {
            _ = option is Option<TimeSpan?> time ? Flag.TimeOf(new RootCommand { time }.Parse([]), time, TimeSpan.Zero) : default;
            return option.HasDefaultValue && option.GetDefaultValue() is odd or string[] and [odd];
        }
        catch (LapException e)
        {
            return e.Problems[0].Where == Twin(option);
        }
        finally
        {
            System.Environment.SetEnvironmentVariable(Twin(option), null);
        }
    }

    /// <summary>Help that has no name for an argument lists its completions, which are read from the workspace: help loads no configuration.</summary>
    [Fact]
    public void Help_asks_for_no_completions()
    {
        var arguments = Commands(Program.Root()).SelectMany(c => c.Arguments).Distinct().Where(a => a.CompletionSources.Count > 0).ToList();
        Assert.Contains(arguments, a => a.Name == "COMPONENT");
        Assert.All(arguments.Where(a => a.Name == "COMPONENT"), a => Assert.Equal("COMPONENT", a.HelpName));
    }

    private static IEnumerable<Command> Commands(Command command) => command.Subcommands.SelectMany(Commands).Prepend(command);
}
