/*
 * Makes the charts over virtual time zoomable. The page is whole without it:
 * each chart stands there as a picture, and this puts a moving one in its
 * place. All charts show the same stretch of time, and the same moment of it.
 */
(function () {
    'use strict';
    var source = document.getElementById('chart-data');
    if (!source || !window.Dygraph)
        return;
    var data = JSON.parse(source.textContent);
    var graphs = [];
    var lines = [];
    var busy = false;
    var said;

    function colour(name) {
        return getComputedStyle(document.documentElement)
            .getPropertyValue('--' + name).trim();
    }

    function three(value, unit) {
        return (value < 10 ? value.toFixed(2) : value < 100 ? value.toFixed(1)
            : value.toFixed(0)) + ' ' + unit;
    }

    function two(value) {
        return (value < 10 ? '0' : '') + value;
    }

    /* As in the tables: three digits and a unit, or two units. */
    function time(ns) {
        var s = Math.round(ns / 1e9);
        if (ns < 1e3)
            return Math.round(ns) + ' ns';
        if (ns < 1e6)
            return three(ns / 1e3, 'µs');
        if (ns < 1e9)
            return three(ns / 1e6, 'ms');
        if (ns < 60e9)
            return three(ns / 1e9, 's');
        if (s < 3600)
            return Math.floor(s / 60) + ' m ' + two(s % 60) + ' s';
        if (s < 86400)
            return Math.floor(s / 3600) + ' h ' +
                two(Math.floor(s % 3600 / 60)) + ' m';
        return Math.floor(s / 86400) + ' d ' +
            two(Math.floor(s % 86400 / 3600)) + ' h';
    }

    /* Lines of an axis: whole seconds, minutes, hours. */
    function mark(s) {
        return s === 0 ? '0' : time(s * 1e9).replace(/\.0+ /, ' ')
            .replace(/ 00 [sm]$/, '');
    }

    function count(n) {
        return String(Math.round(n)).replace(/\B(?=(\d{3})+$)/g, ',');
    }

    function ticker(from, to, pixels) {
        var steps = [1, 2, 5, 10, 30, 60, 120, 300, 600, 1800, 3600, 7200,
            21600, 43200, 86400];
        var step = 1e-3;
        var i = 0;
        var ticks = [];
        pixels = Math.max(pixels, 90); /* a hidden chart has none, or less */
        while (step < 1 && (to - from) / step > pixels / 90)
            step *= 10;
        if (step >= 1)
            while ((to - from) / (step = steps[i]) > pixels / 90 &&
                i < steps.length - 1)
                i++;
        while ((to - from) / step > pixels / 90)
            step *= 2;
        for (var at = Math.ceil(from / step); at * step <= to; at++)
            ticks.push({v: at * step, label: mark(at * step)});
        return ticks;
    }

    /* What is broken has a pattern too, for who sees no difference in colour. */
    var kinds = [
        {colour: 'red', line: [0, 6, 6, 0]},
        {colour: 'purple', line: [0, 0, 6, 6]},
        {colour: 'amber', line: [3, 0, 3, 6]}
    ];

    function pattern(context, kind) {
        var tile = document.createElement('canvas');
        tile.width = tile.height = 6;
        var on = tile.getContext('2d');
        on.fillStyle = on.strokeStyle = colour(kind.colour);
        on.globalAlpha = 0.12;
        on.fillRect(0, 0, 6, 6);
        on.globalAlpha = 0.4;
        on.beginPath();
        on.moveTo(kind.line[0], kind.line[1]);
        on.lineTo(kind.line[2], kind.line[3]);
        on.stroke();
        return context.createPattern(tile, 'repeat');
    }

    function underlay(context, area, graph) {
        var fills = kinds.map(function (kind) {
            return pattern(context, kind);
        });
        context.save();
        context.beginPath();
        context.rect(area.x, area.y, area.w, area.h);
        context.clip();
        data.bands.forEach(function (band) {
            var from = graph.toDomXCoord(band[0]);
            var to = graph.toDomXCoord(band[1]);
            context.fillStyle = fills[band[2]];
            context.fillRect(from, area.y, Math.max(to - from, 1), area.h);
        });
        context.fillStyle = colour('red');
        data.faults.forEach(function (fired, i) {
            if (fired)
                context.fillRect(graph.toDomXCoord((i + 0.5) * data.step),
                    area.y + area.h - 6, 1.5, 6);
        });
        context.restore();
    }

    /* What was so at a moment; names are text and stay so. */
    function tell(at) {
        var times = {};
        data.bands.forEach(function (band) {
            if (band[0] <= at + data.step && band[1] >= at)
                times[band[3]] = (times[band[3]] || 0) + 1;
        });
        var words = Object.keys(times).map(function (word) {
            return word + (times[word] > 1 ? ' (' + times[word] + ' times)' : '');
        });
        var fired = data.faults[Math.round(at / data.step)];
        if (fired)
            words.push(count(fired) + (fired > 1 ? ' faults' : ' fault') +
                ' fired');
        if (words.length > 6)
            words = words.slice(0, 6).concat('and ' + (words.length - 6) +
                ' more');
        said.textContent = 'From ' + mark(at) + ': ' +
            (words.join(', ') || 'nothing is broken');
    }

    function together(what) {
        if (busy)
            return;
        busy = true;
        graphs.forEach(what);
        busy = false;
    }

    function show(from, to) {
        var length = Math.min(Math.max(to - from, data.step * 2), data.end);
        from = Math.min(Math.max(from, 0), data.end - length);
        together(function (graph) {
            graph.updateOptions({dateWindow: [from, from + length]});
        });
    }

    function point(event, x, points, row) {
        tell(x);
        together(function (graph, i) {
            graph.setSelection(row);
            lines[i].style.left = graph.toDomXCoord(x) + 'px';
            lines[i].hidden = false;
        });
    }

    function away() {
        said.textContent = data.hint;
        together(function (graph, i) {
            graph.clearSelection();
            lines[i].hidden = true;
        });
    }

    function series(chart) {
        var all = {};
        chart.labels.forEach(function (label, i) {
            all[label] = {
                strokePattern: chart.dashes[i].length ? chart.dashes[i] : null,
                fillGraph: chart.kind === 'stack' || i === chart.filled
            };
        });
        return all;
    }

    function options(chart, values) {
        var put = chart.unit === 'ns' ? time : count;
        return {
            labels: ['time'].concat(chart.labels),
            colors: chart.colours.map(colour),
            series: series(chart),
            stackedGraph: chart.kind === 'stack',
            stepPlot: chart.kind !== 'line',
            fillAlpha: chart.kind === 'stack' ? 0.75 : 0.25,
            strokeWidth: 1.5,
            logscale: chart.log,
            includeZero: !chart.log,
            drawPoints: chart.kind === 'line',
            pointSize: 1,
            dateWindow: [0, data.end],
            legend: 'always',
            labelsDiv: values,
            axisLineColor: colour('dim'),
            gridLineColor: colour('rule'),
            axes: {
                x: {ticker: ticker, valueFormatter: mark},
                y: {axisLabelFormatter: put, valueFormatter: put,
                    axisLabelWidth: 76}
            },
            underlayCallback: underlay,
            highlightCallback: point,
            unhighlightCallback: away,
            drawCallback: function (graph, first) {
                if (first || busy)
                    return;
                var range = graph.xAxisRange();
                together(function (other) {
                    if (other !== graph)
                        other.updateOptions({dateWindow: range});
                });
            }
        };
    }

    function rows(chart) {
        return data.faults.map(function (fired, i) {
            return [i * data.step].concat(chart.values.map(function (column) {
                return column[i];
            }));
        });
    }

    function element(name, kind, text) {
        var made = document.createElement(name);
        made.className = kind;
        made.textContent = text || '';
        return made;
    }

    function open(chart) {
        var host = document.getElementById('chart-' + chart.id);
        if (!host)
            return;
        var box = element('div', 'zoom');
        var plot = element('div', 'plot');
        var line = element('div', 'moment');
        var values = element('div', 'values');
        line.hidden = true;
        box.appendChild(plot);
        box.appendChild(values);
        host.insertBefore(box, host.firstChild);
        host.classList.add('moving');
        graphs.push(new Dygraph(plot, rows(chart), options(chart, values)));
        plot.appendChild(line);
        lines.push(line);
    }

    function button(text, move) {
        var made = element('button', '', text);
        made.type = 'button';
        made.addEventListener('click', function () {
            var range = graphs[0].xAxisRange();
            var length = range[1] - range[0];
            show(range[0] + move[0] * length, range[1] + move[1] * length);
        });
        return made;
    }

    function bar() {
        var made = element('div', 'zoombar');
        said = element('span', 'said', data.hint);
        said.setAttribute('aria-live', 'polite');
        [['Closer', [0.25, -0.25]], ['Wider', [-0.5, 0.5]],
            ['Earlier', [-0.5, -0.5]], ['Later', [0.5, 0.5]],
            ['Whole run', [-1e9, 1e9]]].forEach(function (each) {
                made.appendChild(button(each[0], each[1]));
            });
        made.appendChild(said);
        return made;
    }

    var first = document.getElementById('chart-' + data.charts[0].id);
    if (!first)
        return;
    first.parentNode.insertBefore(bar(), first);
    data.charts.forEach(open);
    window.matchMedia('(prefers-color-scheme:dark)').addEventListener('change',
        function () {
            together(function (graph, i) {
                graph.updateOptions({
                    colors: data.charts[i].colours.map(colour),
                    axisLineColor: colour('dim'),
                    gridLineColor: colour('rule')
                });
            });
        });
}());
