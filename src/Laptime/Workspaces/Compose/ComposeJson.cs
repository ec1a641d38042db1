using System.Buffers;
using System.Globalization;
using System.Text;
using System.Text.Encodings.Web;
using System.Text.Json;
using Laptime.Workspaces.Yaml;

namespace Laptime.Workspaces.Compose;

/// <summary>Compose nodes as JSON, which is YAML too: for the tool that the file is handed to, and (keys in order) as the canonical text that a deployment keys on.</summary>
internal static class ComposeJson
{
    private static readonly JsonWriterOptions Options = new() { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping, SkipValidation = true };

    /// <summary>Keys whose value is a number, however it is written.</summary>
    private static readonly string[] Numbers =
    [
        "replicas", "parallelism", "max_failure_ratio", "max_attempts", "max_replicas_per_node", "retries", "published", "target", "size", "value", "pids", "soft", "hard", "priority",
        "nofile", "nproc", "memlock", "core", "oom_score_adj",
    ];

    private static readonly string[] Booleans =
        ["privileged", "read_only", "stdin_open", "tty", "external", "attachable", "internal", "init", "disable", "nocopy", "enable_ipv6", "oom_kill_disable", "create_host_path", "required"];

    /// <summary>Keys whose value is a text, also where people leave the quotes out.</summary>
    private static readonly string[] Texts =
    [
        "version", "name", "image", "user", "hostname", "uid", "gid", "cpus", "memory", "command", "entrypoint", "test", "container_name", "source", "subnet", "gateway", "condition",
        "interval", "timeout", "start_period", "start_interval", "delay", "monitor", "window", "stop_grace_period", "tmpfs", "cap_add", "cap_drop", "dns", "dns_search", "constraints", "protocol",
    ];

    private static readonly string[] TextMaps = ["environment", "labels", "args", "sysctls", "driver_opts", "options", "annotations", "extra_hosts"];

    /// <summary>The same nodes give the same text, in whatever order their keys are written.</summary>
    public static string Canonical(ComposeNode node)
    {
        var buffer = new ArrayBufferWriter<byte>(256);
        using (var writer = new Utf8JsonWriter(buffer, Options))
        {
            Write(writer, node, "", sorted: true, escape: false, text: false);
        }

        return Encoding.UTF8.GetString(buffer.WrittenSpan);
    }

    /// <summary>For a tool that replaces variables itself: every <c>$</c> is written twice.</summary>
    public static byte[] ForTool(ComposeNode node)
    {
        var buffer = new ArrayBufferWriter<byte>(1024);
        using (var writer = new Utf8JsonWriter(buffer, Options))
        {
            Write(writer, node, "", sorted: false, escape: true, text: false);
        }

        return buffer.WrittenSpan.ToArray();
    }

    private static void Write(Utf8JsonWriter writer, ComposeNode node, string key, bool sorted, bool escape, bool text)
    {
        switch (node.Kind)
        {
            case YamlKind.Map:
                writer.WriteStartObject();
                text = text || Array.IndexOf(TextMaps, key) >= 0;
                foreach (var entry in sorted ? node.Entries.OrderBy(static e => e.Key, StringComparer.Ordinal) : node.Entries.AsEnumerable())
                {
                    writer.WritePropertyName(entry.Key);
                    Write(writer, entry.Value, entry.Key, sorted, escape, text);
                }

                writer.WriteEndObject();
                break;
            case YamlKind.List:
                writer.WriteStartArray();
                foreach (var item in node.Items)
                {
                    // A port's target is a number, a mount's is a path: the list's key decides for scalars only.
                    Write(writer, item, key, sorted, escape, text);
                }

                writer.WriteEndArray();
                break;
            default:
                Scalar(writer, node, key, escape, text);
                break;
        }
    }

    private static void Scalar(Utf8JsonWriter writer, ComposeNode node, string key, bool escape, bool text)
    {
        if (node.IsNull)
        {
            writer.WriteNullValue();
            return;
        }

        text = text || Array.IndexOf(Texts, key) >= 0;
        if (!text && Array.IndexOf(Booleans, key) >= 0 && Boolean(node.Text, loose: true) is { } flag)
        {
            writer.WriteBooleanValue(flag);
        }
        else if (!text && (Array.IndexOf(Numbers, key) >= 0 || key == "mode" || (node.Plain && !node.Substituted)) && Number(node.Text) is { } number
            && (node.Plain || key != "mode"))
        {
            writer.WriteRawValue(number);
        }
        else if (!text && node.Plain && !node.Substituted && Boolean(node.Text, loose: false) is { } plain)
        {
            writer.WriteBooleanValue(plain);
        }
        else
        {
            writer.WriteStringValue(escape ? node.Text.Replace("$", "$$", StringComparison.Ordinal) : node.Text);
        }
    }

    public static bool? Boolean(string text, bool loose) => text switch
    {
        "true" or "True" or "TRUE" => true,
        "false" or "False" or "FALSE" => false,
        "yes" or "Yes" or "YES" or "on" or "On" or "ON" or "y" or "Y" or "1" when loose => true,
        "no" or "No" or "NO" or "off" or "Off" or "OFF" or "n" or "N" or "0" when loose => false,
        _ => null,
    };

    /// <summary>The number as JSON writes it; YAML's octal (0440, 0o440) and hexadecimal ones become decimal. Null: not a number.</summary>
    public static string? Number(string text)
    {
        var digits = text.StartsWith('-') || text.StartsWith('+') ? text[1..] : text;
        var sign = text.StartsWith('-') ? "-" : "";
        if (digits.Length == 0 || !char.IsAsciiDigit(digits[0]))
        {
            return null;
        }

        if (digits.Length > 1 && digits[0] == '0' && digits[1] is 'x' or 'o' || (digits.Length > 1 && digits[0] == '0' && char.IsAsciiDigit(digits[1])))
        {
            var (radix, rest) = digits[1] switch { 'x' => (16, digits[2..]), 'o' => (8, digits[2..]), _ => (8, digits[1..]) };
            try
            {
                return sign + Convert.ToInt64(rest, radix).ToString(CultureInfo.InvariantCulture);
            }
            catch (Exception e) when (e is FormatException or ArgumentException or OverflowException)
            {
                return null;
            }
        }

        if (long.TryParse(digits, NumberStyles.None, CultureInfo.InvariantCulture, out var whole))
        {
            return sign + whole.ToString(CultureInfo.InvariantCulture);
        }

        return double.TryParse(digits, NumberStyles.AllowDecimalPoint | NumberStyles.AllowExponent, CultureInfo.InvariantCulture, out var real) && double.IsFinite(real) && !digits.EndsWith('.')
            ? sign + real.ToString("R", CultureInfo.InvariantCulture).Replace("E+", "E", StringComparison.Ordinal)
            : null;
    }
}
