using System.Text;
using Laptime.Foundations;
using Laptime.Workspaces.Yaml;

namespace Laptime.Workspaces;

/// <summary>Finds and reads laptime.yaml.</summary>
public static class WorkspaceFile
{
    public const string FileName = "laptime.yaml";
    private const string OtherFileName = "laptime.yml";

    /// <summary>In the order of preference.</summary>
    public static IReadOnlyList<string> FileNames { get; } = [FileName, OtherFileName];

    /// <summary>A workspace is written by hand: more is not one.</summary>
    private const int MostBytes = 10 * 1024 * 1024;

    /// <summary>The nearest laptime.yaml (or .yml) in the folder or above it; null when there is none.</summary>
    /// <returns>An absolute path.</returns>
    public static string? Find(string startDirectory)
    {
        for (var at = Path.GetFullPath(startDirectory); at is not null; at = Path.GetDirectoryName(at))
        {
            foreach (var name in (ReadOnlySpan<string>)[FileName, OtherFileName])
            {
                var file = Path.Combine(at, name);
                if (File.Exists(file))
                {
                    return file;
                }
            }
        }

        return null;
    }

    /// <summary>Reads the file and checks everything that can be checked without running anything.</summary>
    /// <param name="environmentVariable">The value of an environment variable, null when it is not set; asked only for `store` addresses.</param>
    /// <exception cref="LapException">All problems at once, in the file's order, each with its place.</exception>
    public static Workspace Load(string path, Func<string, string?> environmentVariable)
    {
        var file = Path.GetFullPath(path);
        var problems = new ProblemList(Shown(file));
        var text = ReadText(file, problems);
        return Parse(text, file, problems, environmentVariable);
    }

    /// <summary>Reads a text as if it stood in the file, which need not exist.</summary>
    /// <exception cref="LapException">All problems at once.</exception>
    public static Workspace Parse(string text, string path, Func<string, string?> environmentVariable)
    {
        var file = Path.GetFullPath(path);
        var problems = new ProblemList(Shown(file));
        RefuseControlCharacters(text, problems);
        return Parse(text, file, problems, environmentVariable);
    }

    private static Workspace Parse(string text, string file, ProblemList problems, Func<string, string?> environmentVariable)
    {
        var root = Path.GetDirectoryName(file)!;
        if (Path.GetFileName(file) == FileName && File.Exists(Path.Combine(root, OtherFileName)))
        {
            problems.Add(1, 1, $"{FileName} and {OtherFileName} are both here", "keep one");
        }

        var node = YamlReader.Read(text, problems);
        if (node is null || node.IsNull)
        {
            problems.Add(1, 1, "the file is empty", "`lap init` writes a first one from what is in the folder");
            problems.ThrowIfAny();
        }

        var workspace = new WorkspaceBinder(file, root, new ValueBinder(problems, new TemplateParser(text, problems)), environmentVariable).Bind(node!);
        problems.ThrowIfAny();
        return workspace!;
    }

    /// <summary>Relative to the current directory when below it.</summary>
    internal static string Shown(string file)
    {
        var here = Directory.GetCurrentDirectory();
        var folder = here.EndsWith(Path.DirectorySeparatorChar) ? here : here + Path.DirectorySeparatorChar;
        return file.StartsWith(folder, StringComparison.Ordinal) ? file[folder.Length..] : file;
    }

    /// <summary>The text without its byte order mark.</summary>
    internal static string ReadText(string file, ProblemList problems)
    {
        var bytes = ReadBytes(file, problems.File);
        var content = bytes.AsSpan();
        if (content.StartsWith("\uFEFF"u8))
        {
            content = content[3..];
        }
        else if (content.StartsWith((ReadOnlySpan<byte>)[0xFF, 0xFE]) || content.StartsWith((ReadOnlySpan<byte>)[0xFE, 0xFF]))
        {
            throw new LapException("the file is UTF-16", problems.File + ":1:1", "save it as UTF-8");
        }

        string text;
        try
        {
            text = new UTF8Encoding(false, throwOnInvalidBytes: true).GetString(content);
        }
        catch (DecoderFallbackException e)
        {
            var before = content[..Math.Clamp(e.Index, 0, content.Length)];
            var line = before.Count((byte)'\n') + 1;
            var column = Encoding.UTF8.GetCharCount(before[(before.LastIndexOf((byte)'\n') + 1)..]) + 1;
            throw new LapException("the file is not UTF-8", $"{problems.File}:{line}:{column}", "save it as UTF-8");
        }

        RefuseControlCharacters(text, problems);
        return text;
    }

    /// <summary>The parser takes a NUL for the end of the file and would silently leave out the rest.</summary>
    private static void RefuseControlCharacters(string text, ProblemList problems)
    {
        var (line, column) = (1, 1);
        var span = text.AsSpan();
        if (span.IndexOfAnyInRange('\0', '\u0008') < 0 && span.IndexOfAnyInRange('\u000b', '\u000c') < 0 && span.IndexOfAnyInRange('\u000e', '\u001f') < 0 && !span.Contains('\u007f'))
        {
            return;
        }

        foreach (var c in span)
        {
            if ((c < ' ' && c is not ('\t' or '\n' or '\r')) || c == '\u007f')
            {
                problems.Add(line, column, $"the file has a control character (U+{(int)c:X4})", "remove it");
                problems.ThrowIfAny();
            }

            (line, column) = c == '\n' ? (line + 1, 1) : (line, column + 1);
        }
    }

    private static byte[] ReadBytes(string file, string shown)
    {
        try
        {
            if (Directory.Exists(file))
            {
                throw new LapException("this is a folder, not a file", shown + ":1:1", "name the file in it");
            }

            // Not by its length: `-f <(command)` is a pipe.
            using var stream = new FileStream(file, new FileStreamOptions { Access = FileAccess.Read, Share = FileShare.ReadWrite | FileShare.Delete, BufferSize = 0 });
            var bytes = new byte[stream.CanSeek ? Math.Clamp(stream.Length + 1, 512, MostBytes + 1) : 64 * 1024];
            var read = 0;
            while (stream.Read(bytes, read, bytes.Length - read) is > 0 and var count)
            {
                read += count;
                if (read > MostBytes)
                {
                    throw new LapException("the file is larger than 10 MB", shown + ":1:1", "is it the right file?");
                }

                if (read == bytes.Length)
                {
                    Array.Resize(ref bytes, Math.Min(bytes.Length * 2, MostBytes + 1));
                }
            }

            return bytes[..read];
        }
        catch (Exception e) when (e is FileNotFoundException or DirectoryNotFoundException)
        {
            throw new LapException("the file does not exist", shown + ":1:1", "`lap init` writes a first one from what is in the folder");
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new LapException($"the file cannot be read: {e.Message}", shown + ":1:1", "check its permissions");
        }
    }
}
