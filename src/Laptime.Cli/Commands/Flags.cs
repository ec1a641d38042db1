using System.CommandLine;
using System.CommandLine.Parsing;
using Laptime.Foundations;

namespace Laptime.Cli.Commands;

/// <summary>Makes options whose every one has an environment twin: <c>--lock-timeout</c> is also <c>LAP_LOCK_TIMEOUT</c>. The command line wins.</summary>
internal static class Flag
{
    public static Option<bool> Switch(string name, string description, params string[] aliases) => new(name, aliases)
    {
        Description = description,
        DefaultValueFactory = _ => Twin(name) is { } text && (IsYes(text) || (IsNo(text) ? false : throw Bad(name, text, "1 or 0"))),
    };

    public static Option<string?> Text(string name, string description, string value, params string[] aliases) => new(name, aliases)
    {
        Description = description,
        HelpName = value,
        DefaultValueFactory = _ => Twin(name),
    };

    /// <summary>May be given several times; its twin separates them as PATH does.</summary>
    public static Option<string[]> Paths(string name, string description) => new(name)
    {
        Description = description,
        HelpName = "PATH",
        DefaultValueFactory = _ => Twin(name) is { } text ? text.Split(Path.PathSeparator, StringSplitOptions.RemoveEmptyEntries) : [],
    };

    /// <summary>May be given several times; its twin separates them by commas.</summary>
    public static Option<string[]> Many(string name, string description, string value, string[] known)
    {
        var option = new Option<string[]>(name)
        {
            Description = description,
            HelpName = value,
            DefaultValueFactory = _ => Twin(name) is { } text ? text.Split(',', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries) : [],
        };
        option.CompletionSources.Add(known);
        return option;
    }

    public static Option<string> Choice(string name, string description, string standard, string[] values, params string[] aliases)
    {
        var option = new Option<string>(name, aliases)
        {
            Description = description,
            HelpName = string.Join('|', values),
            DefaultValueFactory = _ => Twin(name) is { } text ? Valid(text) : standard,
            CustomParser = result => Valid(result.Tokens[0].Value, result),
        };
        option.CompletionSources.Add(values);
        return option;

        string Valid(string text, ArgumentResult? result = null)
        {
            if (Array.IndexOf(values, text) >= 0)
            {
                return text;
            }

            if (result is null)
            {
                throw Bad(name, text, string.Join(", ", values));
            }

            result.AddError($"{name} {text}: {NearestName.Suggest(text, values)}");
            return standard;
        }
    }

    /// <param name="standard">Stands in the description: the library would print it without its unit.</param>
    public static Option<TimeSpan?> Time(string name, string description, TimeSpan standard) => Bound(name, $"{description} (default: {standard.TotalSeconds:0}s)");

    /// <summary>A time that says in its description what holds without it.</summary>
    public static Option<TimeSpan?> Bound(string name, string description) => new(name)
    {
        Description = description,
        HelpName = "DURATION",
        CustomParser = result =>
        {
            var text = result.Tokens[0].Value;
            if (!Duration.TryParse(text, out var value))
            {
                result.AddError($"{name} {text}: a duration has a unit, such as 30s or 2m");
            }

            return value;
        },
    };

    /// <summary>The value of a time flag: the command line's, its twin's, or the standard one.</summary>
    public static TimeSpan TimeOf(ParseResult arguments, Option<TimeSpan?> option, TimeSpan standard) => BoundOf(arguments, option) ?? standard;

    /// <summary>The value of a time flag: the command line's or its twin's; null: neither.</summary>
    public static TimeSpan? BoundOf(ParseResult arguments, Option<TimeSpan?> option) =>
        arguments.GetValue(option) ?? (Twin(option.Name) is not { } text ? null : Duration.TryParse(text, out var value) ? value : throw Bad(option.Name, text, "a duration such as 30s or 2m"));

    public static Option<int> Number(string name, string description, int standard, int least, params string[] aliases) => new(name, aliases)
    {
        Description = description,
        HelpName = "N",
        DefaultValueFactory = _ => Twin(name) is not { } text ? standard : int.TryParse(text, out var value) && value >= least ? value : throw Bad(name, text, $"a number from {least}"),
        Validators =
        {
            result =>
            {
                if (result.Tokens.Count > 0 && int.TryParse(result.Tokens[0].Value, out var value) && value < least)
                {
                    result.AddError($"{name} {value}: a number from {least}");
                }
            },
        },
    };

    private static string? Twin(string name)
    {
        var value = Environment.GetEnvironmentVariable("LAP_" + name.TrimStart('-').Replace('-', '_').ToUpperInvariant());
        return string.IsNullOrEmpty(value) ? null : value;
    }

    private static bool IsYes(string text) => text is "1" or "true" or "yes" or "on";

    private static bool IsNo(string text) => text is "0" or "false" or "no" or "off";

    private static LapException Bad(string name, string text, string valid) =>
        new($"{text} is no value for {name}", "LAP_" + name.TrimStart('-').Replace('-', '_').ToUpperInvariant(), $"use {valid}");
}

/// <summary>The flags that every command takes.</summary>
internal static class Global
{
    public static readonly Option<string> Output = Flag.Choice("--output", "What stdout carries", "text", ["text", "json"], "-o");
    public static readonly Option<string?> Environment = Flag.Text("--env", "Environment of laptime.yaml (default: the first)", "ENV");
    public static readonly Option<string?> File = Flag.Text("--file", "The workspace file (default: laptime.yaml here or above)", "FILE", "-f");
    public static readonly Option<bool> Quiet = Flag.Switch("--quiet", "No progress; results and errors only", "-q");
    public static readonly Option<bool> Verbose = Flag.Switch("--verbose", "Also what the build steps print", "-v");
    public static readonly Option<string> Progress = Flag.Choice("--progress", "How progress is shown on stderr", "auto", ["auto", "tty", "plain", "json", "quiet"]);
    public static readonly Option<bool> NoColor = Flag.Switch("--no-color", "No colours (so does NO_COLOR)");

    public static readonly Option[] All = [Output, Environment, File, Quiet, Verbose, Progress, NoColor];
}
