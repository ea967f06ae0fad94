import { Component, onMounted, onWillUnmount, xml } from "@odoo/owl";
import { browser } from "@web/core/browser/browser";
import { registry } from "@web/core/registry";
import { standardWidgetProps } from "@web/views/widgets/standard_widget_props";

const EVERY_MS = 2000;

/**
 * Reads the record of a form again every other second for as long as the widget is shown, so that a page moves by itself
 * while something is under way: give it, or what is around it, an `invisible` that says when nothing is.
 *
 * What a person is typing is never lost: a record with changes is left alone until it is saved or discarded.
 */
export class FieldpromaxLive extends Component {
    static template = xml`<span class="o_fieldpromax_live d-none"/>`;
    static props = { ...standardWidgetProps };

    setup() {
        this.shown = false;
        onMounted(() => {
            this.shown = true;
            this.wait();
        });
        onWillUnmount(() => {
            this.shown = false;
            browser.clearTimeout(this.timer);
        });
    }

    wait() {
        if (this.shown) {
            this.timer = browser.setTimeout(() => this.look(), EVERY_MS);
        }
    }

    async look() {
        const record = this.props.record;
        if (!document.hidden && record.resId && !(await record.isDirty()) && this.shown) {
            await record.load();
        }
        this.wait();
    }
}

registry.category("view_widgets").add("fieldpromax_live", { component: FieldpromaxLive });
