using System.Globalization;
using System.Text;
using Laptime.Foundations;

namespace Laptime.Measurement;

/// <summary>
/// The edit of a run: a line at the end of the file that means nothing to whoever reads the file, and is another one each time (the same content twice would
/// be found in the artifact cache, and nothing would be built).
/// </summary>
public static class SourceEdit
{
    /// <summary>Blanks only: where there are no comments, or nobody reads the file.</summary>
    private const string Blanks = " ";

    private static readonly (string Before, string After, string[] Of)[] Kinds =
    [
        ("// ", "",
        [
            ".cs", ".fs", ".java", ".kt", ".kts", ".scala", ".groovy", ".gradle", ".js", ".mjs", ".cjs", ".jsx", ".ts", ".mts", ".cts", ".tsx", ".go", ".rs", ".c", ".h", ".cc", ".cpp",
            ".cxx", ".hpp", ".m", ".mm", ".swift", ".dart", ".zig", ".proto", ".scss", ".less", ".sol", ".v", ".sv",
        ]),
        ("# ", "",
        [
            ".py", ".pyi", ".rb", ".sh", ".bash", ".zsh", ".fish", ".pl", ".pm", ".r", ".jl", ".nim", ".ex", ".exs", ".cr", ".tcl", ".ps1", ".psm1", ".yaml", ".yml", ".toml", ".tf", ".tfvars", ".hcl",
            ".mk", ".cmake", ".conf", ".properties", ".graphql", ".env", ".nix", ".bzl", ".dockerfile",
        ]),
        ("-- ", "", [".sql", ".lua", ".hs", ".elm", ".adb", ".ads", ".vhd"]),
        ("; ", "", [".ini", ".clj", ".cljs", ".edn", ".lisp", ".el", ".scm", ".asm", ".s"]),
        ("% ", "", [".erl", ".hrl", ".tex"]),
        ("' ", "", [".vb"]),
        ("rem ", "", [".bat", ".cmd"]),
        ("/* ", " */", [".css"]),
        ("(* ", " *)", [".ml", ".mli"]),
        ("@* ", " *@", [".cshtml", ".razor"]),
        ("<!-- ", " -->",
            [".html", ".htm", ".xml", ".xaml", ".svg", ".vue", ".svelte", ".md", ".csproj", ".fsproj", ".vbproj", ".props", ".targets", ".resx", ".config", ".axaml"]),
        (Blanks, "", [".json", ".txt", ".csv"]),
    ];

    private static readonly string[] HashNames = ["makefile", "dockerfile", "containerfile", "gemfile", "rakefile", "vagrantfile", "jenkinsfile.sh", "build.bazel", "workspace", ".env"];

    /// <summary>Whether the kind of file has a line that changes nothing but the bytes.</summary>
    public static bool Knows(string path) => KindOf(path) is not null;

    /// <param name="path">Decides the kind.</param>
    /// <param name="mark">Eight or so hex digits, other ones each time.</param>
    /// <exception cref="LapException">Nothing can be appended to such a file without changing what it means.</exception>
    public static byte[] Apply(string path, ReadOnlySpan<byte> content, string mark)
    {
        if (KindOf(path) is not var (before, after))
        {
            throw new LapException(
                $"lap knows no harmless edit for {Path.GetFileName(path)}", path, "say how to edit it: --edit-with 'COMMAND', which is run in the workspace before each run and changes that file");
        }

        if (content.Contains((byte)0))
        {
            throw new LapException(
                $"{Path.GetFileName(path)} is not plain text (or not UTF-8)", path, "say how to edit it: --edit-with 'COMMAND', which is run in the workspace before each run and changes that file");
        }

        var line = content.IndexOf("\r\n"u8) >= 0 ? "\r\n" : "\n";
        var text = before == Blanks ? InBlanks(mark) : $"{before}edited by lap baseline record: {mark}{after}";
        var lead = content.Length > 0 && content[^1] != (byte)'\n' ? line : "";
        return [.. content, .. Encoding.UTF8.GetBytes(lead + text + line)];
    }

    private static (string Before, string After)? KindOf(string path)
    {
        var name = Path.GetFileName(path).ToLowerInvariant();
        if (HashNames.Contains(name) || name.StartsWith("dockerfile.", StringComparison.Ordinal))
        {
            return ("# ", "");
        }

        var extension = Path.GetExtension(name);
        foreach (var (before, after, of) in Kinds)
        {
            if (of.Contains(extension))
            {
                return (before, after);
            }
        }

        return null;
    }

    /// <summary>The mark's bits as blanks and tabs.</summary>
    private static string InBlanks(string mark)
    {
        var bits = uint.Parse(mark, NumberStyles.HexNumber, CultureInfo.InvariantCulture);
        return string.Create(32, bits, static (text, bits) =>
        {
            for (var i = 0; i < text.Length; i++)
            {
                text[i] = (bits >> i & 1) == 1 ? '\t' : ' ';
            }
        });
    }
}
